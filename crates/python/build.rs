//! On macOS an extension is linked with names that only the interpreter will have.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
