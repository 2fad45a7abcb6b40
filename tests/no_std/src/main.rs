//! A program without std that logs in, calls an MCP server, ends, and refreshes when it is back; and one that does so
//! without a user, with a secret of its own.
//!
//! std has a panic handler, and so has this program. Two of them are an error (E0152), so it compiles only
//! if no crate that the core uses brings std: `check` needs no more than that, on any machine. For a
//! Cortex-M4 it is linked as well, with nothing but what is here, and run in an emulator: `bare_metal`.

#![no_std]
#![no_main]

extern crate alloc;

#[cfg(target_arch = "arm")]
mod cortex_m;
mod device;
mod memory;
mod servers;

#[cfg(not(target_arch = "arm"))]
mod elsewhere {
    //! Where the program is only checked.

    /// Nowhere.
    pub(crate) fn print(_: core::fmt::Arguments<'_>) {}

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }

    #[unsafe(no_mangle)]
    extern "C" fn main() {
        crate::device::run(print);
    }
}
