"""Requests that other services send us when something happens there."""
