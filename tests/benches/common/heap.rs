//! A global allocator that counts: how often it was asked, for how many bytes, and what is still held.
#![allow(dead_code, reason = "each bench uses a part of it")]
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; this one only counts and passes on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What was asked of the allocator so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heap {
    /// Allocations and reallocations.
    pub(crate) allocations: u64,
    /// Bytes asked for; by a reallocation, the new size.
    pub(crate) bytes: u64,
    /// Allocations that were not freed yet.
    pub(crate) live_allocations: u64,
    /// Bytes that were not freed yet.
    pub(crate) live_bytes: u64,
}

impl Heap {
    pub(crate) fn now() -> Self {
        let allocations = ALLOCATIONS.load(Relaxed);
        let bytes = BYTES.load(Relaxed);
        let reallocations = REALLOCATIONS.load(Relaxed);
        Self {
            allocations: allocations + reallocations,
            bytes,
            live_allocations: allocations - FREED_ALLOCATIONS.load(Relaxed),
            live_bytes: bytes - FREED_BYTES.load(Relaxed),
        }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

// SAFETY: every call goes on to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        REALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(size as u64, Relaxed);
        FREED_BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        FREED_ALLOCATIONS.fetch_add(1, Relaxed);
        FREED_BYTES.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(old, layout) }
    }
}

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static REALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static FREED_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static FREED_BYTES: AtomicU64 = AtomicU64::new(0);
