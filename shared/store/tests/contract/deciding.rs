//! Commands whose decision is a closure, because only the store has to load anything here.

use std::{future::ready, marker::PhantomData, time::Instant};

use regulars_domain::{
    account::Account,
    id::{MemberId, ProgramId},
};
use regulars_store::{Decide, Found, Needs, Outcome, RequestKey, Step, Store, StoreFault};

/// [`Store::carry_out`] for a closure.
pub(crate) trait Act {
    /// Carries out the command that `decide` decides.
    async fn act<R: Send>(
        &self,
        program: &ProgramId,
        member: &MemberId,
        needs: &Needs,
        request: Option<&RequestKey>,
        deadline: Instant,
        decide: impl FnMut(Option<Account>, &Found) -> Result<Step, R>,
    ) -> Result<Outcome<R>, StoreFault>;
}

struct Closure<F, R>(F, PhantomData<R>);

impl<R: Send, F: FnMut(Option<Account>, &Found) -> Result<Step, R>> Decide for Closure<F, R> {
    type Refusal = R;

    fn decide(&mut self, account: Option<Account>, found: &Found) -> impl Future<Output = Result<Step, R>> + Send {
        ready((self.0)(account, found))
    }
}

impl Act for Store {
    async fn act<R: Send>(
        &self,
        program: &ProgramId,
        member: &MemberId,
        needs: &Needs,
        request: Option<&RequestKey>,
        deadline: Instant,
        decide: impl FnMut(Option<Account>, &Found) -> Result<Step, R>,
    ) -> Result<Outcome<R>, StoreFault> {
        self.carry_out(program, member, needs, request, deadline, Closure(decide, PhantomData)).await
    }
}
