"""`tidemill devices` with run-time libraries that answer, crash, hang, print and lie; made here, found by LD_LIBRARY_PATH."""

import os
import shutil
import subprocess

import pytest

KINDS = ["cpu", "cuda", "rocm", "vulkan", "metal", "directml"]

CUDA = r"""
#include <cstring>
#include <cstddef>
extern "C" {
int cuInit(unsigned) { %s; return 0; }
int cuDriverGetVersion(int* v) { *v = 13000; return 0; }
int cuDeviceGetCount(int* n) { *n = %s; return 0; }
int cuDeviceGet(int* d, int i) { *d = 10 + i; return 0; }
int cuDeviceGetName(char* s, int n, int d) { strncpy(s, d == 10 ? "First\n\x1b[31mGPU" : "Second GPU", n); return 0; }
int cuDeviceGetAttribute(int* v, int a, int d) { *v = a == 75 ? 9 : d - 10; return 0; }
int cuDeviceTotalMem_v2(size_t* n, int) { *n = size_t(141) << 30; return 0; }
}
"""
ROCM = r"""
#include <cstring>
#include <cstddef>
extern "C" {
int hipGetDeviceCount(int* n) { *n = 1; return 0; }
int hipRuntimeGetVersion(int* v) { *v = 60342131; return 0; }
int hipDeviceGetName(char* s, int n, int) { strncpy(s, "Instinct", n); return 0; }
int hipDeviceComputeCapability(int* a, int* b, int) { *a = 9; *b = 4; return 0; }
int hipDeviceTotalMem(size_t* n, int) { *n = size_t(192) << 30; return 0; }
}
"""
VULKAN = r"""
#include <cstdint>
#include <cstring>
struct Info { int type; const void* next; unsigned flags; const void* app; unsigned a; const char* const* b; unsigned c; const char* const* d; };
extern "C" {
int vkCreateInstance(const Info* info, const void*, void** instance) {
  if (info->type != 1 || info->next || info->a || info->c) return -1;
  *instance = (void*)&vkCreateInstance; return 0;
}
int vkEnumeratePhysicalDevices(void*, uint32_t* n, void** d) { *n = 1; d[0] = (void*)&vkEnumeratePhysicalDevices; return 0; }
void vkGetPhysicalDeviceProperties(void*, char* p) {
  uint32_t head[5] = {(1u << 22) | (3u << 12) | 230, 1, 2, 3, 2};
  memcpy(p, head, 20); strcpy(p + 20, "Tide GPU"); memset(p + 276, 1, 824 - 276);
}
void vkGetPhysicalDeviceMemoryProperties(void*, char* p) {
  memset(p, 0, 520); uint32_t two = 2; memcpy(p + 260, &two, 4);
  uint64_t size = 8ull << 30; uint32_t local = 1;
  memcpy(p + 264, &size, 8); memcpy(p + 272, &local, 4); memcpy(p + 280, &size, 8);
}
}
"""


@pytest.fixture
def devices(tidemill, tmp_path):
    def run(libraries, *arguments):
        for name, source in libraries.items():
            command = [shutil.which("g++") or "c++", "-shared", "-fPIC", "-x", "c++", "-", "-o", tmp_path / name]
            subprocess.run(command, input=source, text=True, check=True)
        found = tidemill.json("devices", *arguments, env={"LD_LIBRARY_PATH": str(tmp_path)})["kinds"]
        assert [kind["kind"] for kind in found] == KINDS
        return {kind["kind"]: kind for kind in found}

    return run


def test_the_processor_is_what_this_build_computes_on(tidemill, devices):
    found = devices({})
    assert found["cpu"]["computes"] and found["cpu"]["devices"][0]["cores"] >= 1
    assert found["cpu"]["devices"][0]["capability"]
    assert not any(found[kind]["computes"] for kind in KINDS[1:])
    for kind in found.values():
        assert kind["found"] or kind["note"], kind
    assert tidemill.run("devices").stdout.startswith("cpu       used ")


def test_devices_of_every_library(devices):
    found = devices({"libcuda.so.1": CUDA % ("", "2"), "libamdhip64.so": ROCM, "libvulkan.so.1": VULKAN})
    memory = 141 << 30
    assert found["cuda"]["note"] == "driver for CUDA 13.0" and found["cuda"]["library"] == "libcuda.so.1"
    assert found["cuda"]["devices"] == [
        {"name": "First??[31mGPU", "capability": "9.0", "memory_bytes": memory},
        {"name": "Second GPU", "capability": "9.1", "memory_bytes": memory},
    ]
    assert found["rocm"]["devices"] == [{"name": "Instinct", "capability": "9.4", "memory_bytes": 192 << 30}]
    assert found["vulkan"]["devices"] == [
        {"name": "Tide GPU", "capability": "1.3.230", "type": "discrete GPU", "memory_bytes": 8 << 30}
    ]


@pytest.mark.parametrize(
    "body, count, words",
    [
        ("__builtin_trap()", "1", "crashed (signal"), ("__builtin_memset((void*)8, 1, 8)", "1", "crashed (signal"),
        ("for (;;) { volatile int x = 0; (void)x; }", "1", "did not answer within"), ("throw 5", "1", "ended the process"),
        ("return 100", "1", "the driver sees no device"), ("return 999", "1", "error 999"),
        ("return 0", "-5", "driver for CUDA"),
    ],
)  # fmt: skip
def test_a_library_that_misbehaves_does_no_harm(devices, body, count, words):
    found = devices({"libcuda.so.1": CUDA % (body, count)}, "--timeout", 1)
    assert not found["cuda"]["found"] and found["cuda"]["devices"] == [] and words in found["cuda"]["note"]


def test_noise_and_absurd_counts(devices, tidemill):
    noise = '__builtin_puts("noise"); __builtin_printf("noise")'
    found = devices({"libcuda.so.1": CUDA % (noise, "1 << 30")})
    assert len(found["cuda"]["devices"]) == 256


def test_a_library_of_that_name_that_is_another(devices):
    found = devices({"libcuda.so.1": "int x;", "libvulkan.so.1": "int y;"})
    assert "has no function cuInit" in found["cuda"]["note"] and "vkCreateInstance" in found["vulkan"]["note"]


def test_a_file_that_is_no_library(devices, tmp_path):
    (tmp_path / "libcuda.so.1").write_text("no library")
    assert not os.access(tmp_path / "libcuda.so.1", os.X_OK)
    assert not devices({})["cuda"]["found"]
