//! Assesses a purchase again after a return or an amendment: the steps and the answer are the same for both.

use regulars_api::{
    http::{Answer, Once, Problem},
    view::Reversed,
};
use regulars_application::{
    command::{Done, KeyedRequest, Undecided, acted_on},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    subject::Subject,
};
use regulars_domain::{
    aftermath::Recorded, counter::Counters, id::EntryId, posting::Posting, program::Program, settle::Settled,
};
use regulars_store::Needs;

use crate::referral::paid_along;

/// The purchase, the totals that were read, and what its referral paid to another member, if that is to be reversed.
pub(crate) type Seen<'p, 'f> = (&'f Recorded, &'f Counters, Option<(Settled<'p>, &'f Recorded)>);

/// Assesses the purchase `entry` again. `ends` says, by the original program, whether its referral ends, and `decide`
/// returns the posting.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    (entry, keyed): (&EntryId, &KeyedRequest),
    deadline: Deadline,
    ends: impl Fn(&Program, &Recorded) -> bool + Send + Sync,
    decide: impl for<'p, 'f> Fn(Settled<'p>, Seen<'p, 'f>) -> Result<Posting, Undecided> + Send + Sync,
) -> Result<Done, Failure> {
    let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
    engine
        .act_in_steps(subject, &needs, keyed, deadline, |subject, settled, found| {
            let accrual = acted_on(subject, settled.account(), found, entry)?;
            let then = subject.versions.program(accrual.sealed.entry.program_version)?;
            let along = paid_along(subject, &settled, found, accrual, ends(then, accrual))?;
            decide(settled, (accrual, &found.counters, along))
        })
        .await
}

/// The answer: the entry, and the purchase `entry` as it is now.
pub(crate) async fn answer(
    engine: &Engine,
    subject: &Subject,
    done: Done,
    entry: &EntryId,
) -> Result<Answer<Reversed, Once>, Problem> {
    let accrual = engine.entry(subject, &done.account, entry).await?;
    let settled = engine.settled(subject, done.account)?;
    Ok(Answer::once(&Reversed::new(done.entry.as_ref(), accrual.as_ref(), &settled), done.replayed))
}
