//! The values in a path: a program, a member, an entry, and others with an id.

use std::str::FromStr;

use jiff::Timestamp;
use regulars_application::{
    engine::Engine,
    refusal::{Refusal, RefusalCode},
    subject::Subject,
};
use regulars_domain::{
    id::{EntryId, IdMalformed, ProgramId},
    versions::Versions,
};

use super::{Params, Problem};

impl Params {
    /// Returns the id for `{name}`. A value that is not an id is answered as not found. It is not quoted, because it
    /// may be an e-mail address.
    ///
    /// # Errors
    ///
    /// `otherwise`.
    pub fn id<T: FromStr>(&self, name: &str, otherwise: RefusalCode) -> Result<T, Problem> {
        let text = self.get(name);
        text.parse().map_err(|_| Problem::new(otherwise, format!("There is no such {name}.")))
    }

    /// Returns the entry in the path.
    ///
    /// # Errors
    ///
    /// `entry_not_found` for a value that is not an entry id.
    pub fn entry(&self) -> Result<EntryId, Problem> {
        self.id("entry", RefusalCode::EntryNotFound)
    }

    /// Returns the program in the path. Its versions will show whether it exists.
    ///
    /// # Errors
    ///
    /// `program_not_found` for a value that is not a program id.
    pub fn program(&self) -> Result<ProgramId, Problem> {
        self.get("program").parse().map_err(|malformed: IdMalformed| {
            let detail = format!("There is no such program. The id of a program {malformed}.");
            Problem::new(RefusalCode::ProgramNotFound, detail)
        })
    }

    /// Returns the program in the path, and its versions, with the rules in force at `now`.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's fault.
    pub async fn versions(&self, engine: &Engine, now: Timestamp) -> Result<(ProgramId, Versions), Problem> {
        let id = self.program()?;
        let versions = engine.versions(&id, now).await?;
        Ok((id, versions))
    }

    /// Returns the program and the member in the path, now. The account will show whether the member exists.
    ///
    /// # Errors
    ///
    /// `program_not_found`, `member_not_found` for a value that is not a member id, or the store's fault.
    pub async fn subject(&self, engine: &Engine) -> Result<Subject, Problem> {
        let now = engine.clock.now();
        let (program_id, versions) = self.versions(engine, now).await?;
        let text = self.get("member");
        let member = text.parse().map_err(|_| Refusal::member_not_found(text))?;
        Ok(Subject::new(program_id, versions, member, now))
    }
}
