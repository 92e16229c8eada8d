//! References to merged members, and the referral payments that an account owes.

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_domain::{account::ReferralDebt, id::MemberId};

use super::shapes::{as_array, instant, list, read_instant};
use crate::item::{as_number, as_parsed, number, text};

/// Writes a merged member as the position in the list of them, which is shorter than the id.
pub(super) fn write_merged(member: &MemberId, merged_from: &[MemberId]) -> AttributeValue {
    let place = merged_from.iter().position(|merged| merged == member);
    place.map_or_else(|| text(member.as_str()), |place| number(&place))
}

pub(super) fn read_merged(value: &AttributeValue, merged_from: &[MemberId]) -> Option<MemberId> {
    match as_number::<usize>(value) {
        Some(place) => merged_from.get(place).cloned(),
        None => as_parsed(value),
    }
}

pub(super) fn write_debt(debt: &ReferralDebt, merged_from: &[MemberId]) -> AttributeValue {
    let ReferralDebt { to, friend, purchase, occurred_at, version } = debt;
    let friend = write_merged(friend, merged_from);
    list([text(to.as_str()), friend, text(purchase.as_str()), instant(*occurred_at), number(version)])
}

pub(super) fn read_debt(value: &AttributeValue, merged_from: &[MemberId]) -> Option<ReferralDebt> {
    let [to, friend, purchase, occurred_at, version] = as_array(value)?;
    Some(ReferralDebt {
        to: as_parsed(to)?,
        friend: read_merged(friend, merged_from)?,
        purchase: as_parsed(purchase)?,
        occurred_at: read_instant(occurred_at)?,
        version: as_number(version)?,
    })
}
