//! The source of the alias key. It is read when it is first needed, so that a cold start does not wait for it.

use std::{fmt, pin::Pin};

use regulars_store::AliasKey;
use tokio::sync::OnceCell;

use crate::failure::Failure;

/// A future with the text of a secret.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send + 'a>>;

/// A secret that is stored outside of this process.
pub trait Secret: fmt::Debug + Send + Sync {
    /// Reads the text of the secret. A read has its own time limit.
    fn read(&self) -> Reading<'_>;
}

/// The key under which aliases are hashed, or the secret that contains it.
#[derive(Debug, Default)]
pub struct AliasKeySource {
    key: OnceCell<AliasKey>,
    secret: Option<Box<dyn Secret>>,
}

impl AliasKeySource {
    /// Returns a source without a key, for functions that do not use aliases.
    #[must_use]
    pub fn absent() -> Self {
        Self::default()
    }

    /// Returns a source with `key` from the start.
    #[must_use]
    pub fn given(key: AliasKey) -> Self {
        Self { key: OnceCell::new_with(Some(key)), secret: None }
    }

    /// Returns a source that reads the key from `secret` when it is first needed.
    #[must_use]
    pub fn kept_in(secret: impl Secret + 'static) -> Self {
        Self { key: OnceCell::new(), secret: Some(Box::new(secret)) }
    }

    /// Returns the key. The first successful call reads the secret, and later calls return the result. Concurrent calls
    /// wait for that one. After a failure, the next call reads again.
    ///
    /// # Errors
    ///
    /// [`Failure::Unavailable`] if the secret cannot be read at the moment; [`Failure::Broken`] if it does not exist,
    /// the function may not read it, or its text is too short for a key.
    pub async fn key(&self) -> Result<&AliasKey, Failure> {
        let read = || async {
            let secret = self.secret.as_ref().ok_or_else(|| Failure::broken("this function has no alias key"))?;
            AliasKey::new(secret.read().await?.as_bytes()).map_err(Failure::broken)
        };
        self.key.get_or_try_init(read).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// A secret that returns these answers, the last one first.
    #[derive(Debug, Default)]
    struct Scripted {
        answers: Mutex<Vec<Result<String, Failure>>>,
        reads: AtomicUsize,
    }

    impl Secret for &'static Scripted {
        fn read(&self) -> Reading<'_> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            Box::pin(async {
                tokio::task::yield_now().await;
                self.answers.lock().unwrap().pop().unwrap()
            })
        }
    }

    fn scripted(answers: Vec<Result<String, Failure>>) -> &'static Scripted {
        Box::leak(Box::new(Scripted { answers: Mutex::new(answers), ..Scripted::default() }))
    }

    #[tokio::test]
    async fn a_secret_is_read_once_when_it_is_first_needed() {
        let secret = scripted(vec![Ok("a key for aliases in tests".to_owned())]);
        let source = AliasKeySource::kept_in(secret);
        assert_eq!(secret.reads.load(Ordering::Relaxed), 0);
        let (first, second) = tokio::join!(source.key(), source.key());
        assert!(first.is_ok() && second.is_ok() && source.key().await.is_ok());
        assert_eq!(secret.reads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_secret_that_could_not_be_read_is_read_again() {
        let answers =
            [Ok("a key for aliases in tests"), Ok("too short"), Err(Failure::unavailable("it did not answer"))];
        let secret = scripted(answers.map(|answer| answer.map(str::to_owned)).into());
        let source = AliasKeySource::kept_in(secret);
        for code in ["store_unavailable", "internal"] {
            assert_eq!(source.key().await.unwrap_err().code(), code);
        }
        source.key().await.unwrap();
        assert_eq!(secret.reads.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_key_that_was_given_needs_no_secret_and_a_function_without_one_says_so() {
        AliasKeySource::given(AliasKey::new(&[7; 32]).unwrap()).key().await.unwrap();
        let failure = AliasKeySource::absent().key().await.unwrap_err();
        assert_eq!(failure.code(), "internal");
    }
}
