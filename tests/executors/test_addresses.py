from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from engine.executors.addresses import AddressGuard, AddressNotAllowed


async def nobody(_: str, __: int) -> Sequence[str]:
    return []


GUARD = AddressGuard(nobody)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.170",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not GUARD.allows(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "100.63.255.255", "172.32.0.1", "8.8.8.8", "2606:4700::1", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert GUARD.allows(ip_address(address))


def test_a_named_network_is_allowed_also_in_its_mapped_form() -> None:
    guard = AddressGuard(nobody, allowed_networks=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")))
    assert all(guard.allows(ip_address(text)) for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"))
    assert not guard.allows(ip_address("10.2.0.1"))


def test_private_networks_can_be_allowed_without_the_metadata_address() -> None:
    guard = AddressGuard(nobody, allow_private=True)
    assert all(guard.allows(ip_address(text)) for text in ("127.0.0.1", "::1", "192.168.0.1", "fd00::1"))
    assert not any(guard.allows(ip_address(text)) for text in ("169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1"))


async def test_a_refusal_does_not_tell_the_address() -> None:
    async def inner(_: str, __: int) -> Sequence[str]:
        return ["10.11.12.13"]

    with pytest.raises(AddressNotAllowed, match=r"^db\.test leads") as raised:
        await AddressGuard(inner).addresses("db.test", 80)
    assert "10.11" not in str(raised.value)


async def test_a_scoped_address_is_checked_without_its_scope() -> None:
    async def scoped(_: str, __: int) -> Sequence[str]:
        return ["fe80::1%eth0"]

    with pytest.raises(AddressNotAllowed):
        await AddressGuard(scoped, allow_private=True).addresses("x.test", 80)
