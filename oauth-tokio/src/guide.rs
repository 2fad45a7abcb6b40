// The chapters are in this crate because it has the other two beneath it, so that their examples compile here. In the
// repository they are read as files: there a link leads to a file, which the last lines of a chapter say. Here it leads to a
// module, which the lines before the chapter say: of two definitions, the first one counts. So the
// documentation tests count lines from the links on: line 40 of `links.txt` is line 24 of the chapter.
#![doc = include_str!("guide/links.txt")]
#![doc = ""]
#![doc = include_str!("guide/README.md")]

macro_rules! chapters {
    ($($name:ident)+) => {$(
        #[doc = include_str!("guide/links.txt")]
        #[doc = ""]
        #[doc = include_str!(concat!("guide/", stringify!($name), ".md"))]
        pub mod $name {}
    )+};
}

chapters! {
    choose command desktop gateway machines another_device servers own_http own_store wasm bound_tokens errors testing moving
    security
}
