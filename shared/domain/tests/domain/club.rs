//! Several members of one program, and postings that span their accounts, committed like a store would.

use std::{collections::BTreeMap, convert::Infallible};

use jiff::Timestamp;
use regulars_domain::{
    account::{Alias, ReferralDebt, Status},
    aftermath::Recorded,
    amendment::{amend, ends_referral},
    chain::verify,
    earn::{EarnRefusal, earn},
    enroll::Enroll,
    entry::Entry,
    erase::{EraseRefusal, erase},
    id::MemberId,
    merge::{MergeRefusal, merge},
    money::Money,
    occasion::Occasion,
    plan::{self, PlanReverseRefusal},
    points::Points,
    posting::{Posting, Unposted},
    referral::{Referrer, paid_along, pay_debt},
    reversal::{self, Return, ReverseRefusal},
    settle::{Settled, Settlement, settle},
    transfer::{TransferRefusal, transfer},
};

use crate::{
    counting::decided,
    totals::Totals,
    world::{Member, Rulebook, at, request},
};

/// Members by their ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Club {
    pub(crate) members: BTreeMap<String, Member>,
}

pub(crate) fn member_id(id: &str) -> MemberId {
    id.parse().unwrap()
}

impl Club {
    /// A club whose members have just joined.
    pub(crate) fn of(program: &Rulebook, when: &str, ids: &[&str]) -> Self {
        let mut club = Self::default();
        for id in ids {
            club.joins(program, when, id, None, &[]);
        }
        club
    }

    /// Enrolls a member with a referrer and aliases.
    pub(crate) fn joins(&mut self, program: &Rulebook, when: &str, id: &str, by: Option<&str>, aliases: &[&str]) {
        let alias = |name: &&str| {
            let mut hash = [0; 16];
            hash[..name.len()].copy_from_slice(name.as_bytes());
            Alias { kind: "card".to_owned(), hash }
        };
        let wish = Enroll {
            program: "demo".parse().unwrap(),
            member: member_id(id),
            attributes: BTreeMap::new(),
            aliases: aliases.iter().map(alias).collect(),
            referred_by: by.map(member_id),
            freed_on: Vec::new(),
            salt: [7; 16].into(),
        };
        let joined = Member::joins_as(program, when, &wish, Totals::default());
        assert!(self.members.insert(id.to_owned(), joined).is_none());
    }

    pub(crate) fn get(&self, id: &str) -> &Member {
        &self.members[id]
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> &mut Member {
        self.members.get_mut(id).unwrap()
    }

    /// Returns the member that `id` was merged into, over any number of merges.
    pub(crate) fn where_it_went(&self, id: &str) -> String {
        match &self.get(id).account.status {
            Status::Merged { into } => self.where_it_went(into.as_str()),
            Status::Active | Status::Suspended | Status::Closed | Status::Erased => id.to_owned(),
        }
    }

    /// Checks that all of a posting can be committed, and commits it.
    pub(crate) fn commit(&mut self, posting: Posting) {
        let own = posting.own.account.member.to_string();
        self.get_mut(&own).take_from_totals(&posting);
        for mark in &posting.marks {
            self.get_mut(mark.member.as_str()).note(mark);
        }
        let mut changed = Vec::new();
        for change in std::iter::once(posting.own).chain(posting.others) {
            let id = change.account.member.to_string();
            assert!(!changed.contains(&id), "{id} changes twice in one posting");
            self.get_mut(&id).change(change);
            changed.push(id);
        }
    }

    /// Returns the settled account of `id`, after committing effects of time.
    pub(crate) fn settled<'p>(&mut self, program: &'p Rulebook, now: Timestamp, id: &str) -> Settled<'p> {
        self.get_mut(id).publish(program);
        loop {
            match settle(program.versions(), self.get(id).account.clone(), now) {
                Settlement::Current(settled) => {
                    let Some(posting) = settled.clone().review() else {
                        program.assert_enough(&self.get(id).account, &settled);
                        return *settled;
                    };
                    self.commit(posting);
                }
                Settlement::Behind(posting) => self.get_mut(id).commit_part(*posting),
                unsettled @ (Settlement::Needs(_) | Settlement::Stale) => panic!("{unsettled:?}"),
            }
        }
    }

    pub(crate) fn transfers(
        &mut self,
        program: &Rulebook,
        now: &str,
        key: &str,
        (from, to, points): (&str, &str, i64),
    ) -> Result<[Entry; 2], TransferRefusal> {
        let (source, target) = (self.settled(program, at(now), from), self.settled(program, at(now), to));
        self.commit(transfer(source, target, &request(key), Points::new(points))?);
        Ok([self.get(from).entry(key), self.get(to).entry(&format!("~transfer~{from}~{key}"))])
    }

    pub(crate) fn merges(
        &mut self,
        program: &Rulebook,
        now: &str,
        key: &str,
        (from, into): (&str, &str),
    ) -> Result<[Entry; 2], MergeRefusal> {
        let (source, target) = (self.settled(program, at(now), from), self.settled(program, at(now), into));
        self.commit(merge(source, target, &request(key))?);
        Ok([self.get(from).entry(key), self.get(into).entry(&format!("~transfer~{from}~{key}"))])
    }

    /// Reverses a payment in the ledger of `of`.
    pub(crate) fn reverses_payment(
        &mut self,
        program: &Rulebook,
        now: &str,
        key: &str,
        (id, of, payment): (&str, &str, &str),
    ) -> Result<Entry, PlanReverseRefusal> {
        let recorded = self.get(of).recorded(payment);
        let settled = self.settled(program, at(now), id);
        self.commit(plan::reverse(settled, &request(key), &recorded)?);
        Ok(self.get(id).entry(key))
    }

    /// Erases a member, and the accounts that were merged into this one.
    pub(crate) fn erases(
        &mut self,
        program: &Rulebook,
        now: &str,
        key: &str,
        (id, reason): (&str, Option<&str>),
    ) -> Result<Entry, EraseRefusal> {
        let settled = self.settled(program, at(now), id);
        let cards = settled.account().merged_from.clone();
        let cards = cards.iter().map(|card| self.settled(program, at(now), card.as_str())).collect();
        let reason = reason.map(|reason| serde_json::from_value(reason.into()).unwrap());
        self.commit(erase(settled, cards, &request(key), reason.as_ref())?);
        Ok(self.get(id).entry(key))
    }

    /// Earns, and pays the referrer if this is the purchase that does.
    pub(crate) fn earns(
        &mut self,
        program: &Rulebook,
        key: &str,
        id: &str,
        occasion: &Occasion,
    ) -> Result<Entry, EarnRefusal> {
        self.earns_from(program, occasion.occurred_at(), key, (id, occasion), false)
    }

    /// [`Club::earns`], while other requests keep changing the referrer's account.
    pub(crate) fn earns_alone(
        &mut self,
        program: &Rulebook,
        key: &str,
        id: &str,
        occasion: &Occasion,
    ) -> Result<Entry, EarnRefusal> {
        self.earns_from(program, occasion.occurred_at(), key, (id, occasion), true)
    }

    /// Earns for something that happened before now.
    pub(crate) fn earns_at(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        id: &str,
        occasion: &Occasion,
    ) -> Result<Entry, EarnRefusal> {
        self.earns_from(program, now, key, (id, occasion), false)
    }

    fn earns_from(
        &mut self,
        program: &Rulebook,
        now: Timestamp,
        key: &str,
        (id, occasion): (&str, &Occasion),
        is_busy: bool,
    ) -> Result<Entry, EarnRefusal> {
        let settled = self.settled(program, now, id);
        let then = settled.rules_at(occasion.occurred_at()).unwrap();
        let by = settled.referrer(occasion, then).map(ToString::to_string).filter(|by| self.members.contains_key(by));
        let by = by.map(|by| self.where_it_went(&by)).filter(|by| by != id);
        let busy = by.as_ref().filter(|_| is_busy).map(|by| self.get(by).account.clone());
        let ready = by.filter(|_| !is_busy).map(|by| self.settled(program, now, &by));
        let posting = decided(&self.get(id).totals, |counters| {
            let referrer = match (&busy, &ready) {
                (Some(account), _) => Referrer::Busy(account),
                (None, Some(settled)) => Referrer::Ready(settled.clone()),
                (None, None) => Referrer::Gone,
            };
            earn(settled.clone(), &request(key), occasion, then, counters, referrer)
        })?;
        self.commit(posting);
        Ok(self.get(id).entry(key))
    }

    /// Pays the first referral that can be paid; returns `false` if each must wait, or there is none.
    pub(crate) fn pays_debt(&mut self, program: &Rulebook, now: &str, id: &str) -> bool {
        let settled = self.settled(program, at(now), id);
        settled.account().referral_debts.clone().into_iter().any(|debt| self.pays(&debt, program, now, id))
    }

    fn pays(&mut self, debt: &ReferralDebt, program: &Rulebook, now: &str, id: &str) -> bool {
        let settled = self.settled(program, at(now), id);
        let to = debt.to.to_string();
        let to = if self.members.contains_key(&to) { self.where_it_went(&to) } else { to };
        let referrer = (to != id && self.members.contains_key(&to)).then(|| self.settled(program, at(now), &to));
        let posting: Result<_, Infallible> = decided(&self.get(id).totals, |counters| {
            pay_debt(settled.clone(), debt, referrer.clone(), counters).map_err(Unposted::Needs)
        });
        let Ok(posting) = posting;
        posting.map(|posting| self.commit(posting)).is_some()
    }

    /// Returns the account that was paid for a referral, and its entry, if the referral `ends`.
    fn paid_for<'p>(
        &mut self,
        program: &'p Rulebook,
        now: &str,
        purchase: &Recorded,
        ends: bool,
    ) -> Option<(Settled<'p>, Recorded)> {
        let (member, entry) = paid_along(purchase).filter(|_| ends)?;
        let (member, entry) = (member.to_string(), entry.to_string());
        // An owed payment has no entry yet.
        let recorded = self.get(&member).ids().contains(&entry.as_str()).then(|| self.get(&member).recorded(&entry))?;
        let went_to = self.where_it_went(&member);
        Some((self.settled(program, at(now), &went_to), recorded))
    }

    /// Amends a purchase in the ledger of `of`.
    pub(crate) fn amends(
        &mut self,
        program: &Rulebook,
        now: &str,
        key: &str,
        (id, of, accrual): (&str, &str, &str),
        order: &Occasion,
    ) {
        let (recorded, order) = (self.get(of).recorded(accrual), order.purchase().unwrap());
        let then = program.versions().program(recorded.sealed.entry.program_version).unwrap();
        let ends = ends_referral(then, &recorded, order);
        let settled = self.settled(program, at(now), id);
        let paid = self.paid_for(program, now, &recorded, ends);
        let paid = paid.as_ref().map(|(settled, recorded)| (settled.clone(), recorded));
        let posting = decided(&Totals::default(), |counters| {
            amend(settled.clone(), &request(key), &recorded, order, counters, paid.clone())
        });
        self.commit(posting.unwrap());
    }

    /// Reverses an accrual in the ledger of `of`, and its referral payment if too little of it is left.
    pub(crate) fn reverses(
        &mut self,
        program: &Rulebook,
        now: &str,
        key: &str,
        (id, of, accrual): (&str, &str, &str),
        refunded_total: Option<Money>,
    ) -> Result<Entry, ReverseRefusal> {
        let recorded = self.get(of).recorded(accrual);
        let returned = refunded_total.map_or(Return::Everything, Return::RefundedTotal);
        let then = program.versions().program(recorded.sealed.entry.program_version).unwrap();
        let ends = reversal::ends_referral(then, &recorded, &returned);
        let settled = self.settled(program, at(now), id);
        let paid = self.paid_for(program, now, &recorded, ends);
        let paid = paid.as_ref().map(|(settled, recorded)| (settled.clone(), recorded));
        let posting = decided(&Totals::default(), |counters| {
            reversal::reverse(
                settled.clone(),
                &request(key),
                &recorded,
                &returned.clone().into(),
                counters,
                paid.clone(),
            )
        })?;
        self.commit(posting);
        Ok(self.get(id).entry(key))
    }

    /// Pending, spendable, held and owed points of a member.
    pub(crate) fn balances(&self, id: &str) -> [i64; 4] {
        self.get(id).balances()
    }

    /// Asserts that every ledger verifies.
    pub(crate) fn assert_proven(&self) {
        for Member { account, ledger, .. } in self.members.values() {
            verify(&account.program, &account.member, ledger, account.seq, &account.head_hash).unwrap();
        }
    }
}
