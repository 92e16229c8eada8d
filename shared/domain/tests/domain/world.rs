//! Program documents, and a member whose postings are committed as a store would commit them.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    Request,
    account::{Account, AttributeValue},
    breakdown::BreakdownLine,
    chain::{Sealed, verify},
    counter::{CounterId, Counters},
    earn::{EarnRefusal, earn},
    earning::{Activity, Occasion, Purchase},
    enroll::{Enroll, enroll},
    entry::{By, Entry},
    fingerprint::Fingerprint,
    id::EntryId,
    lots::{Expiry, Lots},
    money::Money,
    points::Points,
    posting::Posting,
    program::Program,
    redeem::{Redeem, RedeemRefusal, redeem},
    settle::{Settled, Settlement, settle},
};
use serde_json::{Value, json};

/// A complete program document, with something of everything.
pub(crate) fn example() -> Value {
    serde_json::from_str(include_str!("program.json")).unwrap()
}

/// The smallest program document, with `parts` of it as given.
pub(crate) fn document(parts: Value) -> Value {
    let mut document = json!({ "name": "Test", "time_zone": "Europe/Istanbul", "currency": "EUR" });
    let Value::Object(parts) = parts else { panic!("parts of a document are fields") };
    document.as_object_mut().unwrap().extend(parts);
    document
}

/// The program of a document that has no fault.
pub(crate) fn program_of(document: &Value) -> Program {
    Program::read(document, 1).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// The program of the smallest document, with `parts` of it as given.
pub(crate) fn program(parts: Value) -> Program {
    program_of(&document(parts))
}

/// An instant: `2026-11-21T16:05`, or noon of a date, on the clocks of Istanbul; or one with its own offset.
pub(crate) fn at(text: &str) -> Timestamp {
    let text = match text.len() {
        10 => format!("{text}T12:00:00+03:00"),
        16 => format!("{text}:00+03:00"),
        _ => text.to_owned(),
    };
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn on(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn request(key: &str) -> Request {
    Request { entry: entry_id(key), fingerprint: Fingerprint::of("test", &Value::Null), by: By::Operator }
}

pub(crate) fn entry_id(text: &str) -> EntryId {
    text.parse().unwrap()
}

/// Purchase with these fields; a number stands for a total in euro cents.
pub(crate) fn purchase(when: &str, fields: Value) -> Occasion {
    let mut body = json!({ "occurred_at": at(when), "total": { "amount": 1000, "currency": "EUR" } });
    match fields {
        Value::Object(fields) => body.as_object_mut().unwrap().extend(fields),
        amount @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            body["total"]["amount"] = amount;
        }
    }
    Occasion::Purchase(serde_json::from_value::<Purchase>(body).unwrap())
}

pub(crate) fn activity(when: &str, kind: &str, attributes: &Value) -> Occasion {
    let body = json!({ "type": kind, "occurred_at": at(when), "attributes": attributes });
    Occasion::Activity(serde_json::from_value::<Activity>(body).unwrap())
}

pub(crate) fn euro(cents: i64) -> Money {
    serde_json::from_value(json!({ "amount": cents, "currency": "EUR" })).unwrap()
}

/// A line of a breakdown as a table writes it.
pub(crate) fn line(line: &BreakdownLine) -> (String, i64, i64) {
    (line.rule.clone(), line.wanted.get(), line.given.get())
}

/// Lots as a table writes them, soonest first.
pub(crate) fn lots_of(account: &Account) -> Vec<(String, i64)> {
    let name = |expiry: Expiry| expiry.on().map_or("never".to_owned(), |date| date.to_string());
    account.lots.iter().map(|(expiry, points)| (name(expiry), points.get())).collect()
}

pub(crate) fn lots(parts: &[(&str, i64)]) -> Lots {
    let expiry = |name: &str| if name == "never" { Expiry::Never } else { Expiry::On(on(name)) };
    Lots::from_parts(parts.iter().map(|(name, points)| (expiry(name), Points::new(*points)))).unwrap()
}

/// A member, the ledger and the totals over all members, committed to as a store would.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) account: Account,
    pub(crate) ledger: Vec<Sealed>,
    pub(crate) totals: BTreeMap<CounterId, i64>,
}

impl Member {
    /// A member who joins, with attributes as a caller gives them.
    pub(crate) fn joins_with(program: &Program, when: &str, attributes: &Value) -> Self {
        Self::joins_after(program, when, attributes, BTreeMap::new())
    }

    /// A member who joins when others have taken so much already.
    pub(crate) fn joins_after(
        program: &Program,
        when: &str,
        attributes: &Value,
        totals: BTreeMap<CounterId, i64>,
    ) -> Self {
        let given: BTreeMap<String, Value> = serde_json::from_value(attributes.clone()).unwrap();
        let attributes = program.read_attributes(&given).unwrap();
        let wish = Enroll {
            program: "demo".parse().unwrap(),
            member: "m-1".parse().unwrap(),
            attributes: attributes.into_iter().filter_map(|(id, value)| Some((id, value?))).collect(),
            aliases: Vec::new(),
            referred_by: None,
        };
        let posting = enroll(program, wish, &request("~enrollment"), &totals.clone().into_iter().collect(), at(when));
        assert_eq!(posting.expected_version, None);
        let mut member = Self { account: posting.account.clone(), ledger: Vec::new(), totals };
        member.keep(posting);
        member
    }

    pub(crate) fn joins(program: &Program, when: &str) -> Self {
        Self::joins_with(program, when, &json!({}))
    }

    /// Sees that a posting can be committed, and commits it.
    pub(crate) fn commit(&mut self, posting: Posting) {
        assert_eq!(posting.expected_version, Some(self.account.version), "decided on another version");
        assert_eq!(posting.account.version, self.account.version + 1, "one commit, one version");
        self.keep(posting);
    }

    fn keep(&mut self, posting: Posting) {
        for sealed in &posting.entries {
            let id = &sealed.entry.id;
            assert!(self.ledger.iter().all(|earlier| earlier.entry.id != *id), "{id} is in the ledger already");
            self.ledger.push(sealed.clone());
        }
        for take in &posting.takes {
            let taken = self.totals.entry(take.counter.clone()).or_default();
            *taken += take.amount;
            assert!(take.amount > 0 && *taken <= take.most, "{take:?} goes beyond what there is");
        }
        self.account = posting.account;
    }

    pub(crate) fn counters(&self) -> Counters {
        self.totals.clone().into_iter().collect()
    }

    /// The account brought up to `now`; what it cannot do at once is committed on the way.
    pub(crate) fn settled<'p>(&mut self, program: &'p Program, now: Timestamp) -> Settled<'p> {
        loop {
            match settle(program, self.account.clone(), now) {
                Settlement::Current(settled) => return *settled,
                Settlement::Behind(posting) => self.commit(*posting),
            }
        }
    }

    /// Settles and commits what that wrote.
    pub(crate) fn reviewed(&mut self, program: &Program, now: Timestamp) -> Vec<Entry> {
        let before = self.ledger.len();
        if let Some(posting) = self.settled(program, now).review() {
            self.commit(posting);
        }
        self.ledger[before..].iter().map(|sealed| sealed.entry.clone()).collect()
    }

    /// Earns, at the moment of the occasion itself.
    pub(crate) fn earns(&mut self, program: &Program, key: &str, occasion: &Occasion) -> Result<Entry, EarnRefusal> {
        self.earns_at(program, occasion.occurred_at(), key, occasion)
    }

    /// Earns for something that may have happened before now.
    pub(crate) fn earns_at(
        &mut self,
        program: &Program,
        now: Timestamp,
        key: &str,
        occasion: &Occasion,
    ) -> Result<Entry, EarnRefusal> {
        let settled = self.settled(program, now);
        let posting = earn(settled, &request(key), occasion, &self.counters())?;
        self.commit(posting);
        Ok(self.entry(key))
    }

    pub(crate) fn redeems(
        &mut self,
        program: &Program,
        now: Timestamp,
        key: &str,
        reward: &str,
        money: Option<Money>,
    ) -> Result<Entry, RedeemRefusal> {
        let settled = self.settled(program, now);
        let wish = Redeem { reward: reward.parse().unwrap(), money };
        let posting = redeem(settled, &request(key), &wish, &self.counters())?;
        self.commit(posting);
        Ok(self.entry(key))
    }

    /// The entry of this id, which is in the ledger.
    pub(crate) fn entry(&self, id: &str) -> Entry {
        let found = self.ledger.iter().find(|sealed| sealed.entry.id.as_str() == id);
        found.unwrap_or_else(|| panic!("no entry {id} in {:?}", self.ids())).entry.clone()
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        self.ledger.iter().map(|sealed| sealed.entry.id.as_str()).collect()
    }

    pub(crate) fn spendable(&self) -> i64 {
        self.account.lots.total().get()
    }

    pub(crate) fn tier(&self) -> Option<&str> {
        self.account.tier.as_ref().map(regulars_domain::id::LevelId::as_str)
    }

    /// That the ledger proves itself.
    pub(crate) fn assert_proven(&self) {
        let account = &self.account;
        let proof = verify(&account.program, &account.member, &self.ledger, account.seq, &account.head_hash);
        assert_eq!(proof, Ok(()));
    }

    pub(crate) fn set_attribute(&mut self, id: &str, value: AttributeValue) {
        self.account.attributes.insert(id.parse().unwrap(), value);
    }
}
