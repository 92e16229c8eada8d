//! Turns a panic into a fault: it ends the request that it happened in, and not the process.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::failure::Failure;

// `cargo lambda` builds with `panic = "abort"` unless the profile says otherwise: see `Cargo.toml`.
#[cfg(not(panic = "unwind"))]
compile_error!("a panic must not end the process, so this is built with panic = \"unwind\" only");

/// A panic that was caught. It says where, and never why: the message of a panic may hold anything.
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
    /// How many [`caught`] this thread is in.
    static CATCHERS: Cell<usize> = const { Cell::new(0) };
    /// Where the last panic in one of them happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does `work`.
///
/// # Errors
///
/// [`Panicked`], if it panics. Whoever handles the fault logs it.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let catchers = CATCHERS.get();
        CATCHERS.set(catchers.saturating_add(1));
        // What a panic leaves behind is the request's own, which ends here. What requests share stays whole: their locks
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

/// Replaces what Rust prints of a panic, which is its message, for the whole process: a panic that [`caught`] catches is
/// left to it, and of any other the place is logged.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        if !note(panic) {
            tracing::error!(place = panic.location().map(ToString::to_string), "panic");
        }
    }));
}

/// Notes where a panic happened that will be caught; `false` if it will not be. For a hook that replaces what Rust prints.
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

    /// As [`keep_panics_quiet`], but what is not caught is printed: these are the tests that fail.
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
    async fn a_panic_is_told_by_its_place_and_never_by_its_message() {
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
