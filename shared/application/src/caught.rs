//! Turns a panic into a fault of the request, so that it does not end the process.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::failure::Failure;

// `cargo lambda` builds with `panic = "abort"` unless the profile sets otherwise: see `Cargo.toml`.
#[cfg(not(panic = "unwind"))]
compile_error!("a panic must not end the process, so this is built with panic = \"unwind\" only");

/// A caught panic. It has the place and never the message, which may contain anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    place: Option<String>,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "a panic at {place}"),
            None => f.write_str("a panic"),
        }
    }
}

impl std::error::Error for Panicked {}

impl From<Panicked> for Failure {
    fn from(panicked: Panicked) -> Self {
        Self::broken(panicked)
    }
}

thread_local! {
    /// The number of nested [`caught`] calls of this thread.
    static CATCHERS: Cell<usize> = const { Cell::new(0) };
    /// The place of the last panic in one of them.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`.
///
/// # Errors
///
/// [`Panicked`], if it panics. The caller logs it.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let catchers = CATCHERS.get();
        CATCHERS.set(catchers.saturating_add(1));
        // The state that a panic leaves behind belongs to the request, which ends here. Shared state stays valid: locks
        // guard single changes.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        CATCHERS.set(catchers);
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked { place: PLACE.take() })),
        }
    })
    .await
}

/// Replaces the panic hook of the process, which prints the message: a panic that [`caught`] catches is left to it, and
/// for any other the place is logged.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        if !note(panic) {
            tracing::error!(place = panic.location().map(ToString::to_string), "panic");
        }
    }));
}

/// Records the place of a panic that will be caught; returns `false` if it will not be. For a panic hook.
#[must_use]
pub fn note(panic: &PanicHookInfo<'_>) -> bool {
    let is_caught = CATCHERS.get() > 0;
    if is_caught {
        PLACE.set(panic.location().map(ToString::to_string));
    }
    is_caught
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Once;

    use super::*;

    /// Like [`keep_panics_quiet`], but panics that are not caught are printed: they are failing tests.
    pub(crate) fn keep_caught_panics_quiet() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let print = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if !note(panic) {
                    print(panic);
                }
            }));
        });
    }

    /// Panics with a member's data in the message.
    pub(crate) async fn break_down() -> Result<(), Failure> {
        tokio::task::yield_now().await;
        panic!("the member ayse@example.com is broken")
    }

    #[tokio::test]
    async fn a_panic_is_logged_with_its_place_and_never_with_its_message() {
        keep_caught_panics_quiet();
        let panicked = caught(break_down()).await.unwrap_err();
        let told = panicked.to_string();
        assert!(told.starts_with("a panic at ") && told.contains("caught.rs:"), "{told}");
        let failure = Failure::from(panicked);
        assert_eq!((failure.code(), failure.retryable()), ("internal", false));
        assert!(!format!("{failure:?} {failure}").contains("ayse"));
    }

    #[tokio::test]
    async fn work_that_does_not_panic_is_done_and_a_panic_ends_nothing_else() {
        keep_caught_panics_quiet();
        let works = async {
            tokio::task::yield_now().await;
            7
        };
        let (broken, works) = tokio::join!(caught(caught(break_down())), caught(works));
        assert!(matches!(broken, Ok(Err(_))), "the inner one catches it");
        assert_eq!(works, Ok(7));
        assert_eq!(CATCHERS.get(), 0);
    }
}
