//! The bare machine: how it starts, where its words go, how it stops.
//!
//! Words and the end go to whoever watches the processor, a debugger or an emulator (semihosting).

use core::arch::{asm, global_asm};
use core::fmt::{self, Write as _};
use core::panic::PanicInfo;

// What the processor reads first: where the stack begins, and where the program does. Floating point is off
// after a reset, and the compiler may use its registers anywhere (ARMv7-M B3.2.20).
global_asm!(
    ".section .vectors, \"a\"",
    ".word __stack",
    ".word start",
    ".section .text.start, \"ax\"",
    ".global start",
    ".thumb_func",
    "start:",
    "ldr r0, =0xE000ED88",
    "ldr r1, [r0]",
    "orr r1, r1, #0xF00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "bl main",
    "b .",
);

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    crate::device::run(print);
    stop(FINE)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print(format_args!("{info}\n"));
    stop(FAILED)
}

pub(crate) fn print(words: fmt::Arguments<'_>) {
    let _ = Watcher.write_fmt(words);
}

struct Watcher;

impl fmt::Write for Watcher {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        for letter in words.bytes() {
            ask(WRITE_CHARACTER, &raw const letter as usize);
        }
        Ok(())
    }
}

fn stop(how: usize) -> ! {
    ask(EXIT, how);
    loop {}
}

fn ask(what: usize, with: usize) {
    // SAFETY: the watcher reads a byte at `with`, which lives, or nothing, and changes only `r0`.
    unsafe { asm!("bkpt 0xAB", inout("r0") what => _, in("r1") with) };
}

const WRITE_CHARACTER: usize = 0x03;
const EXIT: usize = 0x18;
const FINE: usize = 0x20026;
const FAILED: usize = 0x20023;
