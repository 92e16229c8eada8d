//! `POST /members`: enrolls a member.

use std::collections::BTreeMap;

use regulars_api::{
    http::{Answer, Call, Enrolled, Json, KeyOptional, Problem},
    view::AccountView,
};
use regulars_application::{
    command::Undecided,
    engine::Engine,
    failure::Failure,
    refusal::{Refusal, RefusalCode},
    subject::Subject,
};
use regulars_domain::{
    account::{AttributeValue, Status},
    enroll::{self, Enroll},
    fingerprint::Salt,
    hash::Hash,
    id::{EntryId, MemberId, ProgramId},
    occasion::Occasion,
    scalar::or_default,
};
use regulars_store::{Found, Needs, RequestKey};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::names::{self, NAMES_MAX, Name};

/// An id that no member can have, because its path is another route.
const MEMBER_RESERVED: &str = "lookup";

/// The operation of an enrollment, for the fingerprint with its body.
const OPERATION: &str = "enrollment";

/// A member who joins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enrollment {
    /// The id of the member. Without it, the engine derives an id from the idempotency key.
    #[serde(default)]
    #[schemars(extend("not" = json!({ "enum": [".", "..", MEMBER_RESERVED] })))]
    member: Option<MemberId>,
    /// The attributes of the member, as the program defines them.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<BTreeMap<String, Option<AttributeValue>>>")]
    attributes: BTreeMap<String, Value>,
    /// The aliases of the member.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Vec<Name>>", length(max = NAMES_MAX))]
    aliases: Vec<Name>,
    /// The member who referred this one.
    #[serde(default)]
    referred_by: Option<MemberId>,
}

pub(crate) async fn enroll(
    Call { engine, request, params, deadline }: Call<'_, Engine, KeyOptional<Json<Enrollment>>>,
) -> Result<Answer<AccountView, Enrolled>, Problem> {
    let body = request.body()?;
    let enrollment = body.object()?;
    let names_member = enrollment.member.is_some();
    // A request without an id needs a key, and the id is derived from the key.
    let key = if names_member { None } else { Some(request.keyed(OPERATION, body.value())?.entry) };
    let now = engine.clock.now();
    let (program_id, versions) = params.versions(engine, now).await?;
    let member = match (enrollment.member, &key) {
        (Some(member), _) => member,
        (None, key) => member_of_key(&program_id, key.as_ref())?,
    };
    let mut subject = Subject::new(program_id, versions, free_to_use(member)?, now);
    let program = subject.program()?;
    let wish = Enroll {
        attributes: attributes(program.read_attributes(&enrollment.attributes).map_err(Refusal::from)?),
        aliases: names::aliases(engine, &subject.program_id, &enrollment.aliases, "/aliases").await?,
        referred_by: not_oneself(enrollment.referred_by, &subject.member)?,
        freed_on: Vec::new(),
        program: subject.program_id.clone(),
        member: subject.member.clone(),
        salt: random_salt()?,
    };
    let keyed = request.keyed_as(EntryId::enrollment(), OPERATION, body.value());
    let counters = program.earning_counters(&Occasion::Enrollment(now));
    let remembers = program.points.rejoin_after_days.is_some();
    let names = if remembers { wish.aliases.clone() } else { Vec::new() };
    let needs = Needs { counters, names, ..Needs::default() };
    let key = RequestKey { entry: keyed.entry.clone(), content: keyed.content.clone() };

    let done = engine
        .carry_out(&mut subject, &needs, Some(&key), deadline, |subject, account, found| {
            if account.is_some() {
                return Err(Undecided::Refused(member_exists(&subject.member)));
            }
            check_referrer(found, wish.referred_by.as_ref())?;
            let wish = Enroll { freed_on: found.freed_on().to_vec(), ..wish.clone() };
            Ok(enroll::enroll(&subject.versions, wish, &keyed, &found.counters, now)?)
        })
        .await;
    let done = match done {
        // The member's id was the key, so a reused key means an existing member.
        Err(Failure::Refused(refusal)) if names_member && refusal.code() == RefusalCode::IdempotencyKeyReused => {
            return Err(member_exists(&subject.member).into());
        }
        done => done?,
    };
    let account = AccountView::from(&engine.settled(&subject, done.account)?);
    let path = format!("/v1/programs/{}/members/{}", subject.program_id, subject.member);
    Ok(Answer::enrolled(&account, done.replayed, &path))
}

/// Returns the secret for the fingerprints of a new member's requests.
fn random_salt() -> Result<Salt, Problem> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(Problem::fault)?;
    Ok(random.into())
}

fn member_exists(member: &MemberId) -> Refusal {
    let detail = format!(
        "The member `{member}` exists already, with different data. To change a member, use PATCH …/members/{member}."
    );
    Refusal::new(RefusalCode::MemberExists, detail)
}

/// Derives an id from the key, so that a repeat finds the same member.
fn member_of_key(program: &ProgramId, key: Option<&EntryId>) -> Result<MemberId, Problem> {
    let key = key.map(EntryId::as_str).unwrap_or_default();
    let mut id = format!("m-{}", Hash::of(&[b"member", program.as_str().as_bytes(), key.as_bytes()]));
    id.truncate(22);
    id.parse().map_err(Problem::fault)
}

fn free_to_use(member: MemberId) -> Result<MemberId, Problem> {
    if member.as_str() == MEMBER_RESERVED {
        return Err(Problem::body_malformed("/member", "`member` must not be `lookup`, which is the path of a route."));
    }
    Ok(member)
}

/// A member cannot refer themselves.
fn not_oneself(referrer: Option<MemberId>, member: &MemberId) -> Result<Option<MemberId>, Problem> {
    if referrer.as_ref() == Some(member) {
        return Err(Problem::body_malformed("/referred_by", "A member cannot refer themselves."));
    }
    Ok(referrer)
}

/// Checks that the referrer is a member who has not left.
fn check_referrer(found: &Found, referrer: Option<&MemberId>) -> Result<(), Undecided> {
    let Some(member) = referrer else { return Ok(()) };
    match found.account(member) {
        None => Err(Needs { accounts: vec![member.clone()], ..Needs::default() }.into()),
        Some(Some(account)) if !matches!(account.status, Status::Closed | Status::Erased) => Ok(()),
        Some(_) => {
            let detail = format!(
                "`{member}` cannot be the referrer: the program has no member of this id, or the account is closed."
            );
            Err(Refusal::new(RefusalCode::ReferrerNotFound, detail).into())
        }
    }
}

/// Ignores values of `null`.
fn attributes<K: Ord, V>(given: BTreeMap<K, Option<V>>) -> BTreeMap<K, V> {
    given.into_iter().filter_map(|(id, value)| value.map(|value| (id, value))).collect()
}
