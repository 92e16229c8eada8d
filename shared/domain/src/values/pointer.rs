//! JSON pointers (RFC 6901), by which errors name a place in a document.

/// Returns `name` as one step of a pointer, with tildes and slashes escaped.
#[must_use]
pub fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
