//! A program without std that uses `oauth-core`.
//!
//! std has a panic handler, and so has this program. Two of them are an error (E0152), so it
//! compiles only if no crate that the core uses brings std. It is checked, never linked or run.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

use oauth_core as _;

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

struct NoMemory;

// SAFETY: null is the answer for "no memory", and no other pointer is ever handed out.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
