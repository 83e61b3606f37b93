"""What the machine has, and where a model's time goes."""

import os

import pytest
import tidemill
from tidemill import devices


def test_devices_are_detected():
    kinds = devices.detect(timeout_s=5)
    assert [kind.name for kind in kinds] == ["cpu", "cuda", "rocm", "vulkan", "metal", "directml"]
    cpu = kinds[0]
    assert cpu.is_found and cpu.is_computed_on and cpu.devices[0].n_cores >= 1
    assert repr(cpu).startswith("DeviceKind('cpu', found") and repr(cpu.devices[0]) == f"FoundDevice('{cpu.devices[0].name}')"
    assert all("not found" in repr(kind) for kind in kinds if not kind.is_found)
    assert all(isinstance(kind.note, str) and isinstance(kind.library, str) for kind in kinds)


def test_groups_of_cores_are_those_of_the_process():
    mine = sorted(os.sched_getaffinity(0))
    assert devices.core_groups(1) == [mine] and devices.n_sockets() >= 1
    assert {core for group in devices.core_groups(2) for core in group} == set(mine)
    for wrong in (0, -1):
        with pytest.raises(tidemill.ArgumentError):
            devices.core_groups(wrong)


def test_work_runs_on_the_cores_that_are_named():
    core = sorted(os.sched_getaffinity(0))[-1]
    assert devices.run_on([core], lambda: os.sched_getaffinity(0)) == {core}
    assert core in os.sched_getaffinity(0)
    with pytest.raises(KeyError, match="none"):
        devices.run_on([core], lambda: {}["none"])
    with pytest.raises(TypeError):
        devices.run_on(["a"], int)
    with pytest.raises(TypeError):
        devices.run_on([core], 5)


def test_roofs_bound_a_profile(tiny_model):
    roofs = devices.measure_roofs(1)
    assert roofs.n_threads == 1 and min(roofs.read_bytes_s, roofs.int8_op_s, roofs.bf16_op_s, roofs.f32_op_s) > 1e6
    assert devices.roof_kernels().f32
    engine = tidemill.Engine.load(tiny_model, threads=1, profile=True)
    engine.take_profile()
    engine.generate("the tide", max_tokens=4)
    profile = engine.take_profile()
    assert [row.seconds for row in profile] == sorted((row.seconds for row in profile), reverse=True)
    assert any(row.weights for row in profile) and all(row.n_calls > 0 and row.least_seconds(roofs) >= 0 for row in profile)
    assert tidemill.Engine.load(tiny_model, threads=1).take_profile() == []
    with pytest.raises(tidemill.ArgumentError):
        devices.measure_roofs(-1)


def test_memory_of_a_model(engine):
    engine.generate("the tide", max_tokens=2)
    used = engine.memory()
    assert used.weights > 0 and used.state > 0 and used.activations > 0 and used.state_taken >= 0
