//! Notes by which compiler and for which target this is built: counts of instructions are theirs too.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = env::var_os("RUSTC").expect("cargo says by what it compiles");
    let answer = Command::new(compiler).arg("--version").output().expect("the compiler runs");
    let version = String::from_utf8(answer.stdout).expect("its version is text");
    let target = env::var("TARGET").expect("cargo says for what it compiles");
    println!("cargo::rustc-env=COMPILED_BY={}, {target}", version.trim());
}
