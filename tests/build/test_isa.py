# SPDX-License-Identifier: GPL-2.0-only
"""A guest may run on any x86-64 PC: our programs have baseline instructions only.

The kernel is not looked at here: its alternatives and its optimised hashes and
ciphers carry newer instructions on purpose, chosen at boot.  That it was compiled
for the baseline is the subject of test_compile_lines.py.
"""

import subprocess

import pytest

import isa

VECTORS = """
void add(float *a, const float *b) { for (int i = 0; i < 64; i++) a[i] += b[i]; }
"""
BITS = """
int bits(unsigned long x) { return __builtin_popcountl(x); }
"""
ZEROES = """
int zeroes(unsigned long x) { return x ? __builtin_ctzl(x) : 64; }
"""
MAIN = """
#include <stdio.h>
#include <string.h>
%s
int main(int argc, char **argv)
{
    char text[64];
    memset(text, argc, sizeof(text));
    return printf("%%zu", strlen(argv[0])) + text[3] + %s;
}
"""


def compile_program(folder, source, *flags, main=None):
    path = folder / "program"
    (folder / "program.c").write_text(MAIN % (source, main) if main else source)
    extra = [] if main else ["-nostdlib", "-shared", "-fPIC"]
    subprocess.run(["gcc", "-O3", *flags, *extra, "-o", path, folder / "program.c"], check=True)
    return path


def texts(program):
    return {isa.split(f.text)[0] for f in isa.findings(program)}


# --- does the checker see what it must? ------------------------------------------------


def test_baseline_is_let_through(tmp_path):
    assert not isa.findings(compile_program(tmp_path, VECTORS + BITS + ZEROES))


@pytest.mark.parametrize("flags, source, expected", [
    (["-mavx2"], VECTORS, "vaddps"),
    (["-mavx512f", "-mprefer-vector-width=512"], VECTORS, "vaddps"),
    (["-mpopcnt"], BITS, "popcnt"),
    (["-mbmi2"], "unsigned long f(unsigned long x, int n) { return x << n; }", "shlx"),
    (["-msse3"], "#include <pmmintrin.h>\n__m128 f(__m128 x) { return _mm_hadd_ps(x, x); }",
     "haddps"),
    (["-msse4.1"], "#include <smmintrin.h>\nvoid f(short *p, __m128i x) "
     "{ *p = _mm_extract_epi16(x, 3); }", "pextrw"),
    (["-mmovbe"], "#include <stdint.h>\nuint64_t f(uint64_t *p) { return __builtin_bswap64(*p); }",
     "movbe"),
    (["-mlzcnt"], "int f(unsigned long x) { return __builtin_clzl(x); }", "lzcnt"),
    (["-mcx16"], "__int128 f(__int128 *p) { return __sync_val_compare_and_swap(p, 1, 2); }",
     "cmpxchg16b"),
    (["-mrdrnd"], "int f(unsigned int *p) { return __builtin_ia32_rdrand32_step(p); }", "rdrand"),
    (["-mfsgsbase"], "unsigned long f(void) { return __builtin_ia32_rdfsbase64(); }", "rdfsbase"),
    (["-msahf"], 'void f(void) { __asm__ volatile("lahf"); }', "lahf"),
])
def test_extension_is_found(tmp_path, flags, source, expected):
    found = texts(compile_program(tmp_path, source, *flags))
    assert any(t.startswith(expected) for t in found), found


def test_static_program_may_carry_the_librarys_variants(tmp_path):
    program = compile_program(tmp_path, "", "-static", main="0")
    disassembly = subprocess.run(["objdump", "-d", program], text=True, check=True,
                                 stdout=subprocess.PIPE).stdout
    # Otherwise this shows nothing.
    assert "%ymm" in disassembly
    assert not isa.findings(program)


def test_same_name_in_our_code_is_found(tmp_path):
    """A function of ours does not pass by calling itself a variant."""
    source = VECTORS.replace("void add", "__attribute__((noinline)) int sum_avx2").replace(
        "}", "return a[1]; }")
    program = compile_program(tmp_path, source, "-static", "-mavx2",
                              main="sum_avx2((float *)argv[0], (float *)argv[1])")
    assert any(f.symbol == "sum_avx2" for f in isa.findings(program))


def test_library_variant_in_a_dynamic_program_is_found(tmp_path):
    source = VECTORS.replace("void add", "int __strlen_avx2").replace("}", "return a[1]; }")
    program = compile_program(tmp_path, source, "-mavx2", "-fno-inline",
                              main="__strlen_avx2((float *)argv[0], (float *)argv[1])")
    assert any(f.symbol == "__strlen_avx2" for f in isa.findings(program))


# --- our programs ------------------------------------------------------------------------


def our_programs(build):
    folders = [build / "userland", build / "ci", build / "tests", build / "tests" / "unit"]
    return sorted(p for folder in folders if folder.is_dir() for p in folder.iterdir()
                  if p.is_file() and p.stat().st_mode & 0o111 and isa.is_elf(p))


def test_programs_are_there(build):
    names = {p.name for p in our_programs(build)}
    assert {"setpe", "showmap", "tessera-agent", "hub", "nodetable"} <= names


def test_programs_are_baseline(build):
    found = [str(f) for p in our_programs(build) for f in isa.findings(p)]
    assert not found, "\n".join(found[:40])
