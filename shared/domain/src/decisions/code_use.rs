//! Uses a code that a member was given, completely or a part of its balance.

use std::fmt;

use jiff::civil::Date;

use crate::{
    draft::KeyedRequest,
    ledger::{
        entry::{CodeUsed, Record},
        posting::Posting,
    },
    state::account::Inactive,
    time::settle::Settled,
    values::{
        code::{CodeState, KeptCode},
        money::{Currency, Money},
    },
};

/// Why the use of a code is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeUseRefusal {
    /// The account of the code's member is closed, erased or merged.
    Inactive(Inactive),
    /// The member was not given the code.
    NotGiven,
    /// The code is void.
    Void,
    /// The code is used up.
    Used,
    /// The last day of the code has passed.
    Expired {
        /// The last day on which it could be used.
        on: Date,
    },
    /// The code has a balance, and the request names no money or an amount of zero.
    MoneyMissing {
        /// The balance.
        left: Money,
    },
    /// The code has no balance, and the request names money.
    MoneyUnexpected,
    /// The money is in another currency than the balance.
    CurrencyMismatch {
        /// The balance's currency.
        expected: Currency,
        /// The request's currency.
        found: Currency,
    },
    /// The money is more than the balance.
    BalanceTooSmall {
        /// The balance.
        left: Money,
    },
}

impl fmt::Display for CodeUseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotGiven => f.write_str("no member has this code"),
            Self::Void => f.write_str("the code is void"),
            Self::Used => f.write_str("the code was used before"),
            Self::Expired { on } => write!(f, "the code could be used until {on}"),
            Self::MoneyMissing { left: Money { amount, currency } } => {
                write!(
                    f,
                    "the code has a balance of {} minor units of {currency}: send `money` with the amount to use",
                    amount.get()
                )
            }
            Self::MoneyUnexpected => f.write_str("the code has no balance, so leave out `money`"),
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "the balance of the code is in {expected}, and the request is in {found}")
            }
            Self::BalanceTooSmall { left: Money { amount, currency } } => {
                write!(f, "only {} minor units of {currency} are left on the code", amount.get())
            }
        }
    }
}

/// Uses `code` completely, or `money` of its balance. This changes no points.
///
/// # Errors
///
/// Refusals are checked in the order of [`CodeUseRefusal`]; the first that applies wins.
pub fn use_code(
    settled: Settled<'_>,
    request: &KeyedRequest,
    code: &KeptCode,
    money: Option<Money>,
) -> Result<Posting, CodeUseRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(CodeUseRefusal::Inactive)?;
    let holder = code.holder.as_ref().filter(|holder| draft.account.ledgers().any(|member| *member == holder.member));
    let holder = holder.ok_or(CodeUseRefusal::NotGiven)?;
    match (code.state(draft.today()), code.terms.expires_on) {
        (CodeState::Void, _) => return Err(CodeUseRefusal::Void),
        (CodeState::Used, _) => return Err(CodeUseRefusal::Used),
        (CodeState::Expired, Some(on)) => return Err(CodeUseRefusal::Expired { on }),
        (CodeState::Free | CodeState::Given | CodeState::Expired, _) => {}
    }
    check_money(code.balance(), money)?;

    let after = code.after_use(money);
    let used = CodeUsed { reward: code.reward.clone(), money, left: after.balance() };
    let mut entry = draft.entry_for(request, Record::CodeUse(used), draft.now);
    entry.refers_to = Some(holder.redemption.clone());
    draft.post_command(entry);
    draft.change_code(after);
    Ok(draft.finish())
}

fn check_money(balance: Option<Money>, money: Option<Money>) -> Result<(), CodeUseRefusal> {
    match (balance, money) {
        (None, Some(_)) => Err(CodeUseRefusal::MoneyUnexpected),
        (Some(left), None) => Err(CodeUseRefusal::MoneyMissing { left }),
        (Some(left), Some(money)) if money.amount.get() == 0 => Err(CodeUseRefusal::MoneyMissing { left }),
        (Some(left), Some(money)) if money.currency != left.currency => {
            Err(CodeUseRefusal::CurrencyMismatch { expected: left.currency, found: money.currency })
        }
        (Some(left), Some(money)) if money.amount > left.amount => Err(CodeUseRefusal::BalanceTooSmall { left }),
        (None, None) | (Some(_), Some(_)) => Ok(()),
    }
}
