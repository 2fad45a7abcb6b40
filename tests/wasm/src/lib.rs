//! `oauth-core` as a WebAssembly module: the exports, and nothing else. It imports nothing.
//!
//! The functions are those of `../interface`, all safe; the only `unsafe` is here.
//!
//! A host never passes an address in. It asks for room with `input`, writes there, calls a function, and
//! reads its answer at `output`; what it writes elsewhere in the module's memory is its own doing, as it
//! would be without these exports.

#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::panic::PanicInfo;

use oauth_interface::{Function, Interface, MAX_INPUT, for_each_function};
use zeroize::Zeroize as _;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

static MODULE: OneThread = OneThread(RefCell::new(Module {
    interface: Interface::new(),
    input: Vec::new(),
    output: String::new(),
}));

struct Module {
    interface: Interface,
    input: Vec<u8>,
    output: String,
}

struct OneThread(RefCell<Module>);

#[cfg(target_feature = "atomics")]
compile_error!("a module with threads needs a lock here");

// SAFETY: without atomics, the memory of a module is not shared, so there is one thread.
unsafe impl Sync for OneThread {}

/// Room for an input of this length, in bytes; 0 if it is too long.
// SAFETY (this and all below): no other symbol of the module has the name.
#[unsafe(no_mangle)]
extern "C" fn input(length: usize) -> *mut u8 {
    let Ok(mut module) = MODULE.0.try_borrow_mut() else { return core::ptr::null_mut() };
    let input = &mut module.input;
    input.zeroize();
    if length > MAX_INPUT || input.try_reserve_exact(length).is_err() {
        return core::ptr::null_mut();
    }
    input.resize(length, 0);
    input.as_mut_ptr()
}

/// Where the answer of the last function is.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    MODULE.0.try_borrow().map_or(core::ptr::null(), |module| module.output.as_ptr())
}

/// Uses up the input; the length of the answer, in bytes.
fn call(function: Function, session: u32) -> usize {
    // Nothing is called back, so nobody can be in here already.
    let Ok(mut module) = MODULE.0.try_borrow_mut() else { return 0 };
    let Module { interface, input, output } = &mut *module;
    output.zeroize();
    *output = interface.call(function, session, input);
    input.zeroize();
    output.len()
}

macro_rules! export {
    ($name:ident, $function:ident) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(session: u32) -> usize {
            call(Function::$function, session)
        }
    };
}

for_each_function!(export);

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
