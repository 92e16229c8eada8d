//! Why a command was not carried out, independent of the transport.

use std::{error::Error, fmt};

use regulars_domain::versions::VersionMissing;
use regulars_store::StoreFault;

use crate::{programs::ProgramBroken, refusal::Refusal};

/// Why a command was not carried out.
#[derive(Debug)]
pub enum Failure {
    /// The rules reject it. The caller can read why.
    Refused(Refusal),
    /// Other commands changed the account in every attempt. Nothing was written.
    Busy,
    /// The table did not answer. The command may have been carried out; repeating it under its key shows it.
    Unavailable(Cause),
    /// The engine or its data are in a wrong state.
    Broken(Cause),
}

/// The internal cause. It is for the log only: [`Failure`] never shows it to a caller.
#[derive(Debug)]
pub struct Cause(Box<dyn Error + Send + Sync>);

impl Failure {
    /// [`Failure::Broken`], caused by `source`.
    pub fn broken(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Broken(Cause(source.into()))
    }

    /// [`Failure::Unavailable`], caused by `source`.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(Cause(source.into()))
    }

    /// Returns the stable code, such as `insufficient_points` or `busy`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code().as_str(),
            Self::Busy => "busy",
            Self::Unavailable(_) => "store_unavailable",
            Self::Broken(_) => "internal",
        }
    }

    /// Returns the text for the caller.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Refused(refusal) => refusal.detail(),
            Self::Busy => "The account is being changed by others. Repeat the request under the same key.",
            Self::Unavailable(_) => "The store did not answer. Repeat the request under the same key.",
            Self::Broken(_) => "The request was not done. Quote the request id when you report it.",
        }
    }

    /// Returns whether the same command may succeed when it is repeated unchanged.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Busy | Self::Unavailable(_) => true,
            Self::Refused(_) | Self::Broken(_) => false,
        }
    }

    /// Returns the internal cause, for the log; `None` without one.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Unavailable(cause) | Self::Broken(cause) => Some(cause),
            Self::Refused(_) | Self::Busy => None,
        }
    }
}

impl Cause {
    /// Returns the error itself.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + 'static) {
        self.0.as_ref()
    }
}

impl fmt::Display for Cause {
    /// Prints the error and its sources, outermost first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.detail())
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause().map(Cause::error)
    }
}

impl<R: Into<Refusal>> From<R> for Failure {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<StoreFault> for Failure {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Unavailable(_) => Self::unavailable(fault),
            StoreFault::Broken(_) => Self::broken(fault),
        }
    }
}

impl From<ProgramBroken> for Failure {
    fn from(broken: ProgramBroken) -> Self {
        match broken {
            ProgramBroken::Store(fault) => fault.into(),
            ProgramBroken::Document(what) => Self::broken(what),
        }
    }
}

/// A version that should have been loaded was not.
impl From<VersionMissing> for Failure {
    fn from(VersionMissing(version): VersionMissing) -> Self {
        Self::broken(format!("version {version} of the program was not loaded"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::RefusalCode;

    #[test]
    fn what_went_wrong_inside_is_for_the_log_and_not_for_the_caller() {
        for failure in [Failure::broken("arn:aws:dynamodb is on fire"), Failure::unavailable("a fire in eu-central-1")]
        {
            assert!(failure.cause().unwrap().to_string().contains("fire"));
            assert!(!failure.to_string().contains("fire") && !failure.detail().contains("fire"), "{failure}");
        }
    }

    #[test]
    fn a_cause_is_printed_outermost_first() {
        let failure = Failure::from(StoreFault::Unavailable("no route to host".into()));
        assert_eq!(failure.cause().unwrap().to_string(), "the table is temporarily unavailable: no route to host");
    }

    #[test]
    fn a_command_that_lost_its_races_or_met_a_silent_table_can_be_repeated() {
        let refusal = Refusal::new(RefusalCode::HoldsFull, "10 holds are open.");
        for (failure, code, retryable) in [
            (Failure::from(refusal), "holds_full", false),
            (Failure::Busy, "busy", true),
            (Failure::unavailable("timeout"), "store_unavailable", true),
            (Failure::broken("corrupt"), "internal", false),
        ] {
            assert_eq!((failure.code(), failure.retryable()), (code, retryable));
        }
    }
}
