//! Lines for the person who debugs the check. The host bounds them and keeps them with the record; in native tests
//! they go to standard error.

pub use crate::bindings::evaluator::arena::evaluator::log::Level;

/// Writes a line at `level`.
pub fn write(level: Level, text: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::evaluator::arena::evaluator::log::write(level, text);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {text}");
}

/// Writes a debug line.
pub fn debug(text: impl AsRef<str>) {
    write(Level::Debug, text.as_ref());
}

/// Writes an info line.
pub fn info(text: impl AsRef<str>) {
    write(Level::Info, text.as_ref());
}

/// Writes a warning.
pub fn warn(text: impl AsRef<str>) {
    write(Level::Warn, text.as_ref());
}

/// Writes an error.
pub fn error(text: impl AsRef<str>) {
    write(Level::Error, text.as_ref());
}
