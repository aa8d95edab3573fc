"""Other people's suites and clients, installed from their registries and run against a real server: see docs/conformance.md."""
