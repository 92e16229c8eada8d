//! Locates the table for the operator's tools: a local file, or a table in AWS.

use std::{error::Error, path::PathBuf};

use clap::Args;
use regulars_application::{engine, programs::ProgramCache};
use regulars_store::{Store, StoreFault};

use crate::local::{Data, OpenData, StartFailed};

/// Location of the table.
#[derive(Debug, Args)]
#[group(required = true)]
pub(crate) struct Where {
    /// File that stores a local table; its server must not be running
    #[arg(long, value_name = "FILE", conflicts_with = "table")]
    data: Option<PathBuf>,

    /// Name of a DynamoDB table, reached with the credentials and the region of the environment
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Endpoint of DynamoDB, if it is not that of the region
    #[arg(long, value_name = "URL", requires = "table")]
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
    /// [`StartFailed`] if the file does not exist or is in use.
    pub(crate) async fn open(self) -> Result<Opened, StartFailed> {
        let (store, data) = match (self.data, self.table) {
            (Some(file), _) => {
                if !file.is_file() {
                    return Err(StartFailed::new(format!("there is no data file {}", file.display())));
                }
                let data = OpenData::open(&Data::File(file))?;
                (data.store(), Some(data))
            }
            (None, Some(table)) => (Store::new(&engine::table_client(self.endpoint.as_deref()).await, table), None),
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
    // Without the system's error number and the list of all attempts.
    let cause =
        [" (os error", ". ", "\n"].iter().fold(cause.as_str(), |text, end| text.split(end).next().unwrap_or(text));
    StartFailed::new(format!(
        "the table cannot be read: {cause}; check its name, and the region, the endpoint and the credentials of the environment"
    ))
}

impl Opened {
    /// Closes the table.
    pub(crate) async fn close(self) {
        if let Some(data) = self.data {
            data.close().await;
        }
    }
}
