#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does a program use instructions that only newer x86-64 processors have?

usage: isa.py PROGRAM...

Disassembles each program and holds every instruction against a positive list,
the first x86-64 processors' instruction set: integer, x87, MMX, SSE, SSE2, cmov,
cmpxchg8b, fxsave, syscall.  What is not on the list is reported, whether it is an
extension known today or one to come.

Two things need an argument of their own:

* endbr64, notrack, bnd, rdssp and tzcnt are harmless: older processors run the
  same bytes as nop, as a prefix without meaning, or (tzcnt) as `rep bsf`, which
  compilers emit for the baseline where the operand is known not to be zero.
* A statically linked program carries the C library's variants of memcpy() and the
  like, of which the library picks one at its start by CPUID.  Their instructions
  are let through if the program is static, the symbol's name says so, and the
  symbol comes from the toolchain's own archive: one of ours never passes.
"""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CC = "o no b c nae ae nb nc e z ne nz be na a nbe s ns p pe np po l nge ge nl le ng g nle".split()

INTEGER = """
    mov movabs lea add adc sub sbb inc dec neg not and or xor cmp test mul imul div idiv
    shl sal shr sar rol ror rcl rcr shld shrd bt bts btr btc bsf bsr bswap xchg cmpxchg
    cmpxchg8b xadd jmp call ret leave enter push pop pushf popf nop in out ins outs
    movs stos cmps scas lods jrcxz jecxz loop loope loopne int int3 iret hlt ud2 syscall sysret
    cpuid rdtsc cld std clc stc cmc xlat movnti fwait
    cbtw cwtl cltq cwtd cltd cqto
    movsb movsw movsl movsq movsbw movsbl movsbq movswl movswq movslq
    movzb movzw movzbw movzbl movzbq movzwl movzwq
    pause lfence mfence sfence clflush prefetcht0 prefetcht1 prefetcht2 prefetchnta
""".split() + [p + c for p in ("j", "set", "cmov") for c in CC]

X87 = """
    fld fst fstp fild fist fistp fbld fbstp fxch fadd faddp fiadd fsub fsubp fsubr fsubrp
    fisub fisubr fmul fmulp fimul fdiv fdivp fdivr fdivrp fidiv fidivr fcom fcomp fcompp
    fucom fucomp fucompp ficom ficomp fcomi fcomip fcompi fucomi fucomip fucompi ftst fxam fabs fchs
    fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz f2xm1 fyl2x fyl2xp1 fptan fpatan fsin fcos
    fsincos fxtract fprem fprem1 fscale fsqrt frndint fldcw fnstcw fstcw fnstsw fstsw fldenv
    fnstenv fstenv fnsave fsave frstor fnclex fclex fninit finit fincstp fdecstp ffree fnop
    fcmovb fcmove fcmovbe fcmovu fcmovnb fcmovne fcmovnbe fcmovnu
    fxsave fxrstor fxsave64 fxrstor64 flds fldl fldt fsts fstl fstps fstpl fstpt
    filds fildl fildll fists fistl fistps fistpl fistpll
""".split()

MMX = """
    emms packssdw packsswb packuswb paddb paddw paddd paddsb paddsw paddusb paddusw pand
    pandn por pxor pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd pmaddwd pmulhw pmullw
    psllw pslld psllq psraw psrad psrlw psrld psrlq psubb psubw psubd psubsb psubsw psubusb
    psubusw punpckhbw punpckhwd punpckhdq punpcklbw punpcklwd punpckldq movd movq
    maskmovq movntq pavgb pavgw pextrw pinsrw pmaxsw pmaxub pminsw pminub pmovmskb pmulhuw
    psadbw pshufw
""".split()

COMPARISONS = ["", "eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"]
SSE = """
    movhlps movlhps movss movsd comiss comisd ucomiss ucomisd ldmxcsr stmxcsr rcpps rcpss rsqrtps
    rsqrtss movdqa movdqu movdq2q movq2dq movntdq maskmovdqu paddq psubq pmuludq pshufd
    pshufhw pshuflw pslldq psrldq punpckhqdq punpcklqdq
    cvtpi2ps cvtps2pi cvttps2pi cvtsi2ss cvtss2si cvttss2si cvtdq2pd cvtdq2ps cvtpd2dq
    cvtpd2pi cvtpd2ps cvtpi2pd cvtps2dq cvtps2pd cvtsd2si cvtsd2ss cvtsi2sd cvtss2sd
    cvttpd2dq cvttpd2pi cvttps2dq cvttsd2si
""".split() + \
    [op + t for op in ("add", "sub", "mul", "div", "sqrt", "min", "max")
     for t in ("ps", "ss", "pd", "sd")] + \
    [op + t for op in ("movap", "movup", "movhp", "movlp", "movmskp", "movntp", "andp", "andnp",
                       "orp", "xorp", "shufp", "unpckhp", "unpcklp") for t in ("s", "d")] + \
    [f"cmp{c}{t}" for c in COMPARISONS for t in ("ps", "ss", "pd", "sd")]

HARMLESS = "endbr64 endbr32 rdsspq rdsspd tzcnt".split()

BASELINE = frozenset(INTEGER + X87 + MMX + SSE + HARMLESS)
PREFIXES = frozenset("""lock rep repz repnz repe repne data16 addr32 cs ds es fs gs ss notrack bnd
    rex rex.w rex.r rex.x rex.b rex.wr rex.wx rex.wb rex.rx rex.rb rex.xb rex.wrx rex.wrb rex.wxb
    rex.rxb rex.wrxb""".split())
NEW_REGISTERS = re.compile(r"%(?:[yz]mm\d+|xmm(?:1[6-9]|2\d|3[01])|k[0-7]\b|tmm\d|bnd\d|"
                           r"r(?:1[6-9]|2\d|3[01])[bwd]?\b)")

# Names of the variants that glibc chooses between by CPUID.
VARIANTS = re.compile(r"_(?:avx|avx2|avx512|evex|evex512|ssse3|sse4_1|sse42|fma|fma4)"
                      r"(?:_(?:fma|no_vzeroupper|unaligned|erms|movbe|rtm|back))*"
                      r"(?:\.(?:part|cold|constprop|isra)(?:\.\d+)?)*$")
# What else of the libraries uses newer instructions, and only after it asked CPUID (incssp:
# after rdssp answered, which it does not on older processors).
XSAVE = r"_dl_(?:runtime_resolve|runtime_profile|tlsdesc_dynamic)_xsavec?"
ELISION = r"__lll_(?:clock|try|un)?lock_elision"
CPU_LOOKUP = {
    "xgetbv": r"init_cpu_features|update_active|get_available_features|__cpu_indicator_init",
    "xsave": XSAVE, "xsave64": XSAVE, "xsavec": XSAVE, "xsavec64": XSAVE,
    "xrstor": XSAVE, "xrstor64": XSAVE,
    "xbegin": ELISION, "xend": ELISION, "xabort": ELISION, "xtest": ELISION,
    "incsspq": r"_Unwind_\w+|(?:__)?longjmp|____longjmp_chk|_*(?:set|swap|start_?)context",
}


@dataclass(frozen=True)
class Finding:
    program: str
    symbol: str
    address: str
    text: str

    def __str__(self):
        return f"{self.program}: {self.address} <{self.symbol}>: {self.text}"


def _run(*command):
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@functools.lru_cache
def library_symbols(compiler="gcc"):
    """Names of all functions in the toolchain's static libraries, local ones too."""
    names = set()
    for archive in ("libc.a", "libm.a", "libgcc.a", "libgcc_eh.a", "libpthread.a"):
        path = Path(_run(compiler, f"-print-file-name={archive}").strip())
        if path.is_absolute() and path.read_bytes()[:7] == b"!<arch>":
            for line in _run("nm", "-P", str(path)).splitlines():
                fields = line.split()
                if len(fields) >= 2 and fields[1] in "tTiIwWvVuU":
                    names.add(fields[0])
    return frozenset(names)


def is_static(program):
    return not re.search(r"^ *INTERP\b", _run("readelf", "-lW", str(program)), re.MULTILINE)


def mnemonic_known(mnemonic):
    return mnemonic in BASELINE or (mnemonic[-1:] in "bwlqs" and mnemonic[:-1] in BASELINE_SUFFIXED)


# AT&T mnemonics may carry their operand's size.
BASELINE_SUFFIXED = frozenset(INTEGER + X87 + ["cvtsi2ss", "cvtsi2sd", "cvtss2si", "cvtsd2si",
                                               "cvttss2si", "cvttsd2si", "tzcnt"])


def split(text):
    """(mnemonic, operands) of a line of disassembly, prefixes removed."""
    words = text.split(None, 1)
    while words and words[0].lower() in PREFIXES and len(words) > 1:
        words = words[1].split(None, 1)
    if not words:
        return "", ""
    # "jne,pn" carries a hint for the branch predictor.
    return words[0].split(",")[0].lower(), words[1] if len(words) > 1 else ""


def is_baseline(text):
    mnemonic, operands = split(text)
    operands = operands.split("#")[0].split("<")[0].strip()
    if mnemonic in PREFIXES:
        return True
    if not mnemonic or not mnemonic_known(mnemonic) or NEW_REGISTERS.search(operands):
        return False
    # SSE2 knows pextrw to a register only.
    return not (mnemonic == "pextrw" and operands.endswith(")"))


def is_chosen_at_run_time(symbol, text):
    if symbol not in library_symbols():
        return False
    users = CPU_LOOKUP.get(split(text)[0])
    if users and re.fullmatch(rf"(?:{users})(?:\.\w+)*", symbol):
        return True
    return bool(VARIANTS.search(symbol))


def findings(program):
    """Every instruction of an ELF program that the baseline does not have."""
    static = is_static(program)
    symbol, found = "?", []
    for line in _run("objdump", "-d", "--no-show-raw-insn", str(program)).splitlines():
        head = re.fullmatch(r"[0-9a-f]+ <(.+)>:", line)
        if head:
            symbol = head[1].split("@")[0]
            continue
        code = re.fullmatch(r" *([0-9a-f]+):\t(.*?)\s*", line)
        if not code or not code[2] or is_baseline(code[2]):
            continue
        if static and is_chosen_at_run_time(symbol, code[2]):
            continue
        found.append(Finding(str(program), symbol, code[1], code[2]))
    return found


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def main(programs):
    found = [f for p in programs for f in findings(p)]
    for f in found:
        print(f)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
