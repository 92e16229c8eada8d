//! What a path names: a program, a member, an entry, and whatever else has an id.

use std::str::FromStr;

use jiff::Timestamp;
use regulars_application::{
    engine::Engine,
    refusal::{Refusal, RefusalCode},
    subject::Subject,
};
use regulars_domain::{
    id::{EntryId, ProgramId},
    versions::Versions,
};

use super::{Params, Problem};

impl Params {
    /// The id that stands for `{name}`. What is no id names nothing, so it is refused as not found. It is not quoted, because it
    /// may be an e-mail.
    ///
    /// # Errors
    ///
    /// `otherwise`.
    pub fn id<T: FromStr>(&self, name: &str, otherwise: RefusalCode) -> Result<T, Problem> {
        let text = self.get(name);
        text.parse().map_err(|_| Problem::new(otherwise, format!("There is no such {name}.")))
    }

    /// The entry that the path names.
    ///
    /// # Errors
    ///
    /// `entry_not_found` for what cannot be an entry's id.
    pub fn entry(&self) -> Result<EntryId, Problem> {
        self.id("entry", RefusalCode::EntryNotFound)
    }

    /// The program that the path names. Whether there is one, its versions will show.
    ///
    /// # Errors
    ///
    /// `program_not_found` for what cannot be a program's id.
    pub fn program(&self) -> Result<ProgramId, Problem> {
        self.id("program", RefusalCode::ProgramNotFound)
    }

    /// The program that the path names, and its versions, with the rules in force at `now`.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's.
    pub async fn versions(&self, engine: &Engine, now: Timestamp) -> Result<(ProgramId, Versions), Problem> {
        let id = self.program()?;
        let versions = engine.versions(&id, now).await?;
        Ok((id, versions))
    }

    /// The program and the member that the path names, now. Whether there is such a member, the account will show.
    ///
    /// # Errors
    ///
    /// `program_not_found`, `member_not_found` for what cannot be a member's id, or the store's.
    pub async fn subject(&self, engine: &Engine) -> Result<Subject, Problem> {
        let now = engine.clock.now();
        let (program_id, versions) = self.versions(engine, now).await?;
        let text = self.get("member");
        let member = text.parse().map_err(|_| Refusal::member_not_found(text))?;
        Ok(Subject::new(program_id, versions, member, now))
    }
}
