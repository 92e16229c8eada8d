//! `POST /members/{member}/redemptions`: points for a reward, spent or held, once for ever under their key.

use regulars_api::{
    codes,
    command::{Undecided, asked},
    deadline::Deadline,
    engine::Engine,
    http::{Answer, BODY_BYTES_MAX, Params, Problem, Request},
    view::{Redeemed, Redemption},
};
use regulars_domain::redeem::{self, Redeem};

pub(crate) async fn redeem(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let asked = asked(request, "redemption", &request.json_value(BODY_BYTES_MAX)?)?;
    let wish = Redeem::from(request.json_body::<Redemption>()?);
    let mut subject = engine.subject(params).await?;
    let program = subject.program()?;
    let needs = codes::needs(program, &wish.reward, subject.now);
    let made = codes::made_for(program, &wish.reward)?;
    let done = engine
        .act_in_steps(&mut subject, &needs, &asked, deadline, |_, settled, found| {
            let code = made.as_ref().or(found.code(&wish.reward));
            redeem::redeem(settled, &asked, &wish, &found.counters, code).map_err(Undecided::from)
        })
        .await?;
    let settled = engine.settled(&subject, done.account)?;
    let redeemed = Redeemed::new(done.entry.as_ref(), done.entry.as_ref(), &settled);
    Ok(Answer::once(&redeemed, done.replayed))
}
