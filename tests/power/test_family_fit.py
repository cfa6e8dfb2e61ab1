"""How a curve comes out of measured servers, and that the shipped table keeps the rules."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.power import curves, fit
from bench.power.servers import Server
from exporter import data
from exporter.core.units import Watts
from exporter.power import measured

CURVE = (0.15, 0.3, 0.36, 0.42, 0.48, 0.55, 0.62, 0.7, 0.8, 0.9, 1.0)


def server(tdp: float, sockets: float) -> Server:
    """A server of a family whose power follows the terms of the model exactly; usual TDP 200 W."""
    curve = measured.of_tdp(CURVE, tdp / 200)
    shared = (sockets / 2) ** -0.2
    return Server(
        family="Skylake",
        cpu=f"{tdp}",
        sockets=sockets,
        cores=28 * sockets,
        threads=56 * sockets,
        memory_gib=96 * sockets,
        tdp=Watts(tdp),
        year=2019,
        watts=tuple(ratio * tdp * sockets * shared for ratio in curve),
    )


def test_servers_of_all_tdps_and_sizes_give_back_the_curve_that_they_follow() -> None:
    servers = [server(tdp, sockets) for tdp, sockets in product((150, 200, 240), (1, 2))]
    found = fit.family("Skylake", servers)
    assert found.curve == pytest.approx(CURVE)
    assert found.tdp_per_socket == pytest.approx(200)
    assert found.threads_per_core == 2
    assert found.gib_per_thread == pytest.approx(96 / 56)
    assert found.tdp_per_thread == pytest.approx(200 / 56)


@given(st.floats(min_value=0.2, max_value=5.0))
def test_one_odd_server_of_five_does_not_move_the_curve(times: float) -> None:
    odd = server(200, 2)
    odd = replace(odd, watts=tuple(watts * times for watts in odd.watts))
    found = fit.family("Skylake", [server(200, 2)] * 4 + [odd])
    assert found.curve == pytest.approx(CURVE)


def test_a_family_whose_hosts_have_one_cpu_is_brought_to_one() -> None:
    one, two = (
        fit.family("Neoverse N1", [replace(server(200, sockets), family="Neoverse N1")])
        for sockets in (1, 2)
    )
    assert one.curve == pytest.approx(two.curve)
    assert one.curve[0] == pytest.approx(CURVE[0] * 2**0.2)


def test_the_shipped_lines_without_results_follow_from_those_that_have_them() -> None:
    lines = {line["family"]: line for line in data.rows("family_curves")}
    measured = {n: line for n, line in lines.items() if line["method"].startswith(curves.MEASURED)}
    assert len(measured) == 12
    for name, line in lines.items():
        if name not in measured:
            assert curves.derived(line, lines) == line, name
