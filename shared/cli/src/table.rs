//! Locates the table for the operator's tools: a local file, or a table in AWS.

use std::{error::Error, path::PathBuf};

use clap::{ArgGroup, Args, builder::NonEmptyStringValueParser};
use http::Uri;
use regulars_application::{
    engine,
    programs::{ProgramBroken, ProgramCache},
};
use regulars_domain::id::ProgramId;
use regulars_store::{Corrupt, Store, StoreFault};

use crate::{
    aws,
    local::{OpenData, StartFailed},
};

/// Location of the table.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("place").required(true))]
pub(crate) struct Where {
    /// File that stores a local table; its server must not be running
    #[arg(long, value_name = "FILE", group = "place")]
    data: Option<PathBuf>,

    /// Name of a DynamoDB table, reached with the credentials and the region of the environment
    #[arg(long, value_name = "NAME", group = "place", value_parser = NonEmptyStringValueParser::new())]
    table: Option<String>,

    /// Endpoint of DynamoDB, if it is not that of the region
    #[arg(long, value_name = "URL", requires = "table", conflicts_with = "data", value_parser = endpoint)]
    endpoint: Option<String>,
}

/// An open table.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The table.
    pub(crate) store: Store,
    /// The programs in the table.
    pub(crate) programs: ProgramCache,
    data: Option<OpenData>,
}

impl Where {
    /// Opens the table.
    ///
    /// # Errors
    ///
    /// [`StartFailed`] if the file does not exist, is not a data file or is in use, or the environment has no region or no
    /// credentials.
    pub(crate) async fn open(self) -> Result<Opened, StartFailed> {
        let (store, data) = match (self.data, self.table) {
            (Some(file), _) => {
                let data = OpenData::existing(&file)?;
                (data.store(), Some(data))
            }
            (None, Some(table)) => {
                let client = engine::table_client(aws::config().await?, self.endpoint.as_deref());
                (Store::new(&client, table), None)
            }
            (None, None) => return Err(StartFailed::new("name the table with --data or --table")),
        };
        Ok(Opened { store, programs: ProgramCache::default(), data })
    }
}

/// Says why the table could not be read: the innermost cause, and what to check.
pub(crate) fn unread(fault: &StoreFault) -> StartFailed {
    let mut cause: &dyn Error = fault;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string();
    let cause = short(&cause);
    let is_corrupt = matches!(fault.source(), Some(source) if source.is::<Corrupt>());
    let advice = if is_corrupt {
        ""
    } else {
        "; check its name, and the region, the endpoint and the credentials of the environment"
    };
    StartFailed::new(format!("the table cannot be read: {cause}{advice}"))
}

/// Returns the reason why the program `id` could not be read.
pub(crate) fn broken(id: &ProgramId, broken: &ProgramBroken) -> StartFailed {
    match broken {
        ProgramBroken::Store(fault) => unread(fault),
        ProgramBroken::Document(what) => StartFailed::new(format!("program {id} cannot be read: {what}")),
    }
}

/// Returns a cause without the error number of the system and the list of all attempts.
pub(crate) fn short(cause: &str) -> &str {
    let ends = [" (os error", ". ", "\n"];
    ends.iter().fold(cause, |text, end| text.split(end).next().unwrap_or(text)).trim_end_matches('.')
}

/// Returns the error for a program that the table does not have.
pub(crate) fn no_program(id: &ProgramId) -> StartFailed {
    StartFailed::new(format!("there is no program {id}"))
}

fn endpoint(text: &str) -> Result<String, String> {
    let is_http = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    };
    match text.parse::<Uri>() {
        Ok(uri) if is_http(&uri) => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err("must be a URL with http or https, such as http://localhost:8000".to_owned()),
    }
}

impl Opened {
    /// Closes the table.
    pub(crate) async fn close(self) {
        if let Some(data) = self.data {
            data.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_http_url() {
        for (text, is_taken) in [
            ("http://localhost:8000", true),
            ("https://dynamodb.eu-west-1.amazonaws.com", true),
            ("http://[::1]:8000/path", true),
            ("", false),
            ("x", false),
            ("localhost:8000", false),
            ("/x", false),
            ("http://", false),
            ("http://:8000", false),
            ("ftp://localhost", false),
            ("http://a b", false),
        ] {
            assert_eq!(endpoint(text).is_ok(), is_taken, "{text}");
        }
    }

    #[test]
    fn a_cause_is_cut_before_its_number_and_its_attempts() {
        for (cause, expected) in [
            ("Connection refused (os error 111)", "Connection refused"),
            ("access denied. Tried a, b", "access denied"),
            ("not found.", "not found"),
            ("one\ntwo", "one"),
        ] {
            assert_eq!(short(cause), expected);
        }
    }
}
