//! A member whose postings are committed like a store would, and checked against the ledger.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    KeyedRequest,
    account::{Account, AttributeValue, TierOverride},
    adjust::{Adjust, AdjustRefusal, adjust},
    aftermath::{Aftermath, Mark, Recorded},
    amendment::{AmendRefusal, amend},
    breakdown::BreakdownLine,
    cap_use::CapOwner,
    chain::{Sealed, verify},
    code::{Code, GivenCode, Holder, KeptCode},
    code_use::{CodeUseRefusal, use_code},
    confirm::{ConfirmRefusal, confirm},
    earn::{EarnRefusal, earn},
    enroll::{Enroll, EnrollNeeds, enroll},
    entitlement::{UseRefusal, use_once},
    entry::{By, Entry, Expiring, Record},
    fingerprint::Content,
    id::EntryId,
    lots::{Expiry, Lots},
    money::{Amount, Money},
    occasion::{Activity, Occasion},
    plan::{self, PlanEndRefusal, PlanRefusal, PlanReverseRefusal},
    plan_term::PlanTerm,
    points::Points,
    posting::{Change, Posting, Unposted},
    purchase::Purchase,
    qualifying::Qualifying,
    redeem::{Redeem, RedeemRefusal, redeem},
    redemption::{self, Part, RedemptionRefusal, RedemptionState},
    referral::Referrer,
    reversal::{self, Return, ReverseRefusal},
    settle::{Settled, Settlement, settle},
    tier_override::give_tier,
};
use serde_json::{Value, json};

pub(crate) use crate::rulebook::{Rulebook, document, example, program, program_of};
use crate::{counting::decided, proof::Proof, totals::Totals};

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

pub(crate) fn request(key: &str) -> KeyedRequest {
    let content = Content::of("test", &Value::Null);
    KeyedRequest { entry: entry_id(key), content, by: By::Operator, actor: None }
}

pub(crate) fn entry_id(text: &str) -> EntryId {
    text.parse().unwrap()
}

/// Returns a purchase with these fields; a number stands for a total in euro cents.
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

/// Returns a line of a breakdown as in a table.
pub(crate) fn line(line: &BreakdownLine) -> (String, i64, i64) {
    (line.rule.clone(), line.wanted.get(), line.given.get())
}

/// The signed changes of an entry: points, pending, spendable, held, owed.
pub(crate) fn changes(entry: &Entry) -> [i64; 5] {
    [entry.points(), entry.pending(), entry.spendable(), entry.held(), entry.owed()].map(Points::get)
}

/// Returns the use of the cap of `owner`, over all intervals that the account stores.
pub(crate) fn used(account: &Account, owner: &CapOwner) -> i64 {
    account.cap_use.iter().filter(|(other, _)| *other == owner).flat_map(|(_, uses)| uses.values()).sum()
}

/// Returns whether the account stores any use of a cap.
pub(crate) fn knows_use(account: &Account) -> bool {
    account.cap_use.iter().next().is_some()
}

/// Returns what a notice says.
pub(crate) fn expiring(entry: &Entry) -> Option<Expiring> {
    if let Record::Notice(expiring) = &entry.record { Some(*expiring) } else { None }
}

/// Returns lots as in a table, soonest first.
pub(crate) fn lots_of(account: &Account) -> Vec<(String, i64)> {
    let name = |expiry: Expiry| expiry.on().map_or("never".to_owned(), |date| date.to_string());
    account.lots.iter().map(|(expiry, points)| (name(expiry), points.get())).collect()
}

pub(crate) fn lots(parts: &[(&str, i64)]) -> Lots {
    let expiry = |name: &str| if name == "never" { Expiry::Never } else { Expiry::On(on(name)) };
    Lots::from_parts(parts.iter().map(|(name, points)| (expiry(name), Points::new(*points)))).unwrap()
}

/// A member, the ledger and the totals over all members, committed like a store would.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) account: Account,
    pub(crate) ledger: Vec<Sealed>,
    pub(crate) totals: Totals,
    pub(crate) aftermaths: BTreeMap<EntryId, Aftermath>,
    /// The code for the next redemption.
    pub(crate) code: Option<Code>,
    /// Every code that was given.
    pub(crate) codes: Vec<GivenCode>,
    /// Those codes as a store would have them.
    pub(crate) kept: BTreeMap<Code, KeptCode>,
    /// The proof that the ledger alone gives the account.
    proof: Proof,
}

/// Returns the balances of an account: pending, spendable, held, owed.
fn balances(account: &Account) -> [i64; 4] {
    [account.pending.total(), account.lots.total(), account.held(), account.owed].map(Points::get)
}

impl Member {
    /// Enrolls a member with attributes.
    pub(crate) fn joins_with(program: &Rulebook, when: &str, attributes: &Value) -> Self {
        Self::joins_after(program, when, attributes, Totals::default())
    }

    /// Enrolls a member after others have taken from the totals.
    pub(crate) fn joins_after(program: &Rulebook, when: &str, attributes: &Value, totals: Totals) -> Self {
        let given: BTreeMap<String, Value> = serde_json::from_value(attributes.clone()).unwrap();
        let attributes = program.read_attributes(&given).unwrap();
        let wish = Enroll {
            program: "demo".parse().unwrap(),
            member: "m-1".parse().unwrap(),
            attributes: attributes.into_iter().filter_map(|(id, value)| Some((id, value?))).collect(),
            aliases: Vec::new(),
            referred_by: None,
            freed_on: Vec::new(),
            salt: [7; 16].into(),
        };
        Self::joins_as(program, when, &wish, totals)
    }

    /// Enrolls a member in this way, after others have taken from the totals.
    pub(crate) fn joins_as(program: &Rulebook, when: &str, wish: &Enroll, totals: Totals) -> Self {
        let posting = decided(&totals, |counters| {
            enroll(program.versions(), wish.clone(), &request("~enrollment"), counters, at(when)).map_err(|needs| {
                match needs {
                    EnrollNeeds::Counter(needed) => Unposted::Needs(needed),
                    EnrollNeeds::Version(missing) => Unposted::Refused(missing),
                }
            })
        })
        .unwrap();
        assert_eq!(posting.own.expected_version, None);
        let account = posting.own.account.clone();
        let mut member = Self {
            account,
            ledger: Vec::new(),
            totals,
            aftermaths: BTreeMap::new(),
            code: None,
            codes: Vec::new(),
            kept: BTreeMap::new(),
            proof: Proof::new(program),
        };
        member.take_from_totals(&posting);
        member.keep(posting.own, [0; 4]);
        member
    }

    pub(crate) fn joins(program: &Rulebook, when: &str) -> Self {
        Self::joins_with(program, when, &json!({}))
    }

    /// Checks that a posting can be committed, and commits it.
    pub(crate) fn commit(&mut self, posting: Posting) {
        assert!(posting.others.is_empty(), "nobody else is there to commit to");
        self.take_from_totals(&posting);
        for mark in &posting.marks {
            self.note(mark);
        }
        self.change(posting.own);
        for given in posting.codes {
            assert!(self.codes.iter().all(|earlier| earlier.code != given.code), "a code is given once");
            let redemption = self.entry(given.redemption.as_str());
            let redeemed = redemption.redeemed().unwrap();
            assert_eq!((&redeemed.reward, redeemed.code.as_ref()), (&given.reward, Some(&given.code)));
            let kept = KeptCode {
                reward: given.reward.clone(),
                code: given.code.clone(),
                holder: Some(Holder { member: given.member.clone(), redemption: given.redemption.clone() }),
                terms: given.terms,
                used: Amount::default(),
                end: None,
                changes: 0,
            };
            self.kept.insert(given.code.clone(), kept);
            self.codes.push(given);
        }
        for changed in posting.changed_codes {
            let before = self.kept.insert(changed.code.clone(), changed.clone()).expect("a changed code was given");
            assert_eq!(changed.changes, before.changes + 1);
            assert_eq!(before.end, None, "a code that has ended stays as it is");
        }
    }

    /// Commits a part of a settling, after which the account is not yet settled to its instant.
    pub(crate) fn commit_part(&mut self, posting: Posting) {
        self.proof.is_behind = true;
        self.commit(posting);
        self.proof.is_behind = false;
    }

    /// Checks that a change of this account can be committed, and commits it.
    pub(crate) fn change(&mut self, change: Change) {
        assert_eq!(change.expected_version, Some(self.account.version), "decided on another version");
        assert_eq!(change.account.version, self.account.version + 1, "one commit, one version");
        self.keep(change, balances(&self.account));
    }

    fn keep(&mut self, change: Change, before: [i64; 4]) {
        let mut expected = before;
        for sealed in &change.entries {
            let entry = &sealed.entry;
            assert!(
                self.ledger.iter().all(|earlier| earlier.entry.id != entry.id),
                "{entry:?} is in the ledger already"
            );
            let [_, changes @ ..] = changes(entry);
            for (balance, change) in expected.iter_mut().zip(changes) {
                *balance += change;
                assert!(*balance >= 0, "a balance is negative after {entry:?}");
            }
            self.ledger.push(sealed.clone());
        }
        assert_eq!(balances(&change.account), expected, "the entries are not what happened to the account");
        self.proof.follow(&self.account, &change);
        self.account = change.account;
    }

    /// Checks that a posting can change the totals over all members, and changes them.
    pub(crate) fn take_from_totals(&mut self, posting: &Posting) {
        assert!(self.totals.commit(posting), "a hold that is captured reserves nothing any more: {:?}", posting.takes);
    }

    /// Stores the aftermath of an entry of this ledger.
    pub(crate) fn note(&mut self, mark: &Mark) {
        assert_eq!(mark.member, self.account.member);
        let aftermath = self.aftermaths.entry(mark.entry.clone()).or_default();
        assert_eq!(mark.aftermath.changes, aftermath.changes + 1, "{mark:?}");
        *aftermath = mark.aftermath.clone();
    }

    /// Adds these versions of the program.
    pub(crate) fn publish(&mut self, program: &Rulebook) {
        self.proof.publish(program);
    }

    /// Returns the account settled to `now`; parts of the settling are committed on the way.
    pub(crate) fn settled<'p>(&mut self, program: &'p Rulebook, now: Timestamp) -> Settled<'p> {
        self.publish(program);
        loop {
            match settle(program.versions(), self.account.clone(), now) {
                Settlement::Current(settled) => {
                    program.assert_enough(&self.account, &settled);
                    return *settled;
                }
                Settlement::Behind(posting) => self.commit_part(*posting),
                unsettled @ (Settlement::Needs(_) | Settlement::Stale) => panic!("{unsettled:?}"),
            }
        }
    }

    /// Settles, and commits the entries.
    pub(crate) fn reviewed(&mut self, program: &Rulebook, now: Timestamp) -> Vec<Entry> {
        let before = self.ledger.len();
        if let Some(posting) = self.settled(program, now).review() {
            self.commit(posting);
        }
        self.ledger[before..].iter().map(|sealed| sealed.entry.clone()).collect()
    }

    /// Earns, at the instant of the occasion itself.
    pub(crate) fn earns(&mut self, program: &Rulebook, key: &str, occasion: &Occasion) -> Result<Entry, EarnRefusal> {
        self.earns_at(program, occasion.occurred_at(), key, occasion)
    }

    /// Earns for something that may have happened before now.
    pub(crate) fn earns_at(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        occasion: &Occasion,
    ) -> Result<Entry, EarnRefusal> {
        let settled = self.settled(program, now);
        let then = settled.rules_at(occasion.occurred_at()).unwrap();
        let decided = decided(&self.totals, |counters| {
            earn(settled.clone(), &request(key), occasion, then, counters, Referrer::Gone)
        });
        self.posts(key, decided)
    }

    pub(crate) fn redeems(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        reward: &str,
        money: Option<Money>,
    ) -> Result<Entry, RedeemRefusal> {
        self.redeems_or_holds(program, now, key, &Redeem { reward: reward.parse().unwrap(), money, hold_seconds: None })
    }

    /// Reserves the points for a reward of fixed cost.
    pub(crate) fn holds(
        &mut self,
        program: &Rulebook,
        now: &str,
        key: &str,
        reward: &str,
        seconds: i64,
    ) -> Result<Entry, RedeemRefusal> {
        let wish = Redeem { reward: reward.parse().unwrap(), money: None, hold_seconds: Some(seconds) };
        self.redeems_or_holds(program, at(now), key, &wish)
    }

    pub(crate) fn redeems_or_holds(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        wish: &Redeem,
    ) -> Result<Entry, RedeemRefusal> {
        let settled = self.settled(program, now);
        let decided = decided(&self.totals, |counters| {
            redeem(settled.clone(), &request(key), wish, counters, self.code.as_ref())
        });
        self.posts(key, decided)
    }

    /// Returns the entry of this id, with its aftermath.
    pub(crate) fn recorded(&self, id: &str) -> Recorded {
        let sealed = self.ledger.iter().find(|sealed| sealed.entry.id.as_str() == id).unwrap().clone();
        let recorded = Recorded {
            member: self.account.member.clone(),
            sealed,
            aftermath: self.aftermaths.get(&entry_id(id)).cloned().unwrap_or_default(),
            amended: None,
        };
        let amended = recorded.aftermath.accrual.as_ref().and_then(|now| now.amended.as_ref());
        let amended = amended.map(|place| self.recorded(place.entry.as_str()).purchase().unwrap().clone());
        Recorded { amended, ..recorded }
    }

    /// Commits a decision, and returns its entry.
    fn posts<E>(&mut self, key: &str, decided: Result<Posting, E>) -> Result<Entry, E> {
        self.commit(decided?);
        Ok(self.entry(key))
    }

    pub(crate) fn confirms(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        accrual: &str,
    ) -> Result<Entry, ConfirmRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, confirm(settled, &request(key), &self.recorded(accrual)))
    }

    /// Reverses an accrual, of which an amount was refunded in total, or completely.
    pub(crate) fn reverses(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        accrual: &str,
        refunded_total: Option<Money>,
    ) -> Result<Entry, ReverseRefusal> {
        let returned = refunded_total.map_or(Return::Everything, Return::RefundedTotal);
        self.returns(program, now, key, accrual, returned)
    }

    /// Posts a return.
    pub(crate) fn returns(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        accrual: &str,
        returned: Return,
    ) -> Result<Entry, ReverseRefusal> {
        let settled = self.settled(program, now);
        let (recorded, reversal) = (self.recorded(accrual), returned.into());
        let decided = decided(&self.totals, |counters| {
            reversal::reverse(settled.clone(), &request(key), &recorded, &reversal, counters, None)
        });
        self.posts(key, decided)
    }

    /// Amends an accrual to this purchase.
    pub(crate) fn amends(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        accrual: &str,
        purchase: &Occasion,
    ) -> Result<Entry, AmendRefusal> {
        let settled = self.settled(program, now);
        let recorded = self.recorded(accrual);
        let decided = decided(&self.totals, |counters| {
            amend(settled.clone(), &request(key), &recorded, purchase.purchase().unwrap(), counters, None)
        });
        self.posts(key, decided)
    }

    pub(crate) fn captures(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        redemption: &str,
        points: Option<i64>,
    ) -> Result<Entry, RedemptionRefusal> {
        let settled = self.settled(program, now);
        let points = points.map(Points::new);
        self.posts(key, redemption::capture(settled, &request(key), &self.recorded(redemption), points))
    }

    pub(crate) fn cancels(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        redemption: &str,
    ) -> Result<Entry, RedemptionRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, redemption::cancel(settled, &request(key), &self.recorded(redemption)))
    }

    /// Reverses a redemption, whose piece is returned or written off.
    pub(crate) fn undoes(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        redemption: &str,
        is_returned: bool,
    ) -> Result<Entry, RedemptionRefusal> {
        self.undoes_part(program, now, key, redemption, (Part::Rest, is_returned))
    }

    /// Reverses a part of a redemption.
    pub(crate) fn undoes_part(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        redemption: &str,
        (part, is_returned): (Part, bool),
    ) -> Result<Entry, RedemptionRefusal> {
        let settled = self.settled(program, now);
        let recorded = self.recorded(redemption);
        let code = recorded.sealed.entry.redeemed().and_then(|redeemed| self.kept.get(redeemed.code.as_ref()?));
        self.posts(key, redemption::reverse(settled, &request(key), &recorded, code, part, is_returned))
    }

    /// Uses a code that was given, or an amount of its balance.
    pub(crate) fn uses_code(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        code: &str,
        money: Option<Money>,
    ) -> Result<Entry, CodeUseRefusal> {
        let settled = self.settled(program, now);
        let kept = &self.kept[&code.parse::<Code>().unwrap()];
        self.posts(key, use_code(settled, &request(key), kept, money))
    }

    pub(crate) fn adjusts(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        points: i64,
    ) -> Result<Entry, AdjustRefusal> {
        let reason = "goodwill".parse().unwrap();
        let qualifying = Qualifying::default();
        let wish = Adjust { points: Points::new(points), expires_on: None, qualifying, reason, note: None };
        self.adjusts_by(program, now, key, &wish)
    }

    pub(crate) fn adjusts_by(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        wish: &Adjust,
    ) -> Result<Entry, AdjustRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, adjust(settled, &request(key), wish))
    }

    /// Pays for an interval of a plan.
    pub(crate) fn takes_plan(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        plan: &str,
    ) -> Result<Entry, PlanRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, plan::take(settled, &request(key), &plan.parse().unwrap(), false))
    }

    /// Pays for an interval of a plan that replaces the one that runs.
    pub(crate) fn replaces_plan(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        plan: &str,
    ) -> Result<Entry, PlanRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, plan::take(settled, &request(key), &plan.parse().unwrap(), true))
    }

    /// Reverses a payment of its plan.
    pub(crate) fn reverses_payment(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        payment: &str,
    ) -> Result<Entry, PlanReverseRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, plan::reverse(settled, &request(key), &self.recorded(payment)))
    }

    /// Ends its plan under a key.
    pub(crate) fn ends_plan_once(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
    ) -> Result<(), PlanEndRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, plan::end_once(settled, &request(key))).map(drop)
    }

    /// Ends its plan, and returns whether that changed anything.
    pub(crate) fn ends_plan(&mut self, program: &Rulebook, now: Timestamp) -> Result<bool, PlanEndRefusal> {
        let settled = self.settled(program, now);
        let posting = plan::end(settled, None)?;
        Ok(posting.map(|posting| self.commit(posting)).is_some())
    }

    /// Sets an override, and returns whether that changed anything.
    pub(crate) fn is_given(&mut self, program: &Rulebook, now: Timestamp, tier: &str, until: &str) -> bool {
        let settled = self.settled(program, now);
        let given = TierOverride { tier: tier.parse().unwrap(), until: on(until), reason: "c-1".parse().unwrap() };
        let posting = give_tier(settled, &given, None).unwrap();
        posting.map(|posting| self.commit(posting)).is_some()
    }

    /// Uses an entitlement of a level or a plan once.
    pub(crate) fn uses(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        entitlement: &str,
    ) -> Result<Entry, UseRefusal> {
        let settled = self.settled(program, now);
        self.posts(key, use_once(settled, &request(key), &entitlement.parse().unwrap()))
    }

    /// Returns the state of a redemption, as far as the account is settled.
    pub(crate) fn state(&self, redemption: &str) -> &'static str {
        RedemptionState::of(&self.recorded(redemption), &self.account.holds).name()
    }

    /// Pending, spendable, held and owed points.
    pub(crate) fn balances(&self) -> [i64; 4] {
        balances(&self.account)
    }

    /// Returns the entry of this id, which is in the ledger.
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

    /// Asserts that the ledger verifies.
    pub(crate) fn assert_proven(&self) {
        let account = &self.account;
        let proof = verify(&account.program, &account.member, &self.ledger, account.seq, &account.head_hash);
        assert_eq!(proof, Ok(()));
        self.proof.follow_all(account, &self.ledger);
    }

    pub(crate) fn set_attribute(&mut self, id: &str, value: AttributeValue) {
        self.account.attributes.insert(id.parse().unwrap(), value);
    }
}

/// Returns a term of a plan, paid once under the first version by an unknown payment.
pub(crate) fn plan_term(plan: &str, from: &str, through: &str) -> PlanTerm {
    PlanTerm {
        plan: plan.parse().unwrap(),
        from: on(from),
        through: on(through),
        version: 1,
        begun_by: None,
        ledger: None,
        payments: 1,
        anchor_day: None,
        is_continued: false,
    }
}
