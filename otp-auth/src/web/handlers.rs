//! The four routes. Each translates a request into a use case, and the result into a response.

use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::bearer;
use super::client::OnBehalf;
use super::cookie::{self, CookieKind};
use super::delivery::{challenge_response, credentials, credentials_to_end, tokens_response};
use super::json;
use super::problem::{Problem, ProblemKind};
use crate::auth::{CodeRequest, Refusal, SignInFailed, UseCase, Verification};
use crate::config::OtpConfig;
use crate::delivery::Delivery;
use crate::event;
use crate::secret::Secret;
use crate::wire::{Message, RefreshBody, RequestOtpBodyWithDevice, VerifyBodyWithChallenge};

type RequestBody<C> = <<C as OtpConfig>::Delivery as Delivery>::RequestBody;
type VerifyBody<C> = <<C as OtpConfig>::Delivery as Delivery>::VerifyBody;

pub(super) async fn request_otp<C: OtpConfig>(
    OnBehalf(auth): OnBehalf<C>,
    request: Request,
) -> Result<Response, Problem> {
    let (headers, body) = json::needed(request, &auth)?;
    auth.admit(UseCase::RequestCode).await?;
    let body: RequestOtpBodyWithDevice = json::required::<RequestBody<C>>(body, &auth).await?.into();
    let settings = auth.settings();
    let challenges = credentials(CookieKind::Challenge, &headers, None, &auth);
    let devices = credentials(CookieKind::Device, &headers, body.device.as_ref(), &auth);
    let request = CodeRequest {
        email: &body.email,
        // If another challenge could continue, this opens a new one. `verify_otp` finds the right
        // one among all.
        challenge: challenges.first().copied(),
        device: auth.device_for(&body.email, &devices),
        proof: body.proof.as_ref().map(Secret::expose),
        unlock: body.unlock.as_ref().map(Secret::expose),
    };
    let requested = auth.request_code(request).await?;
    challenge_response::<C::Delivery>(requested, settings)
}

pub(super) async fn verify_otp<C: OtpConfig>(
    OnBehalf(auth): OnBehalf<C>,
    request: Request,
) -> Result<Response, Problem> {
    let (headers, body) = json::needed(request, &auth)?;
    let admitted = auth.admit(UseCase::Verify).await?;
    let body: VerifyBodyWithChallenge = json::required::<VerifyBody<C>>(body, &auth).await?.into();
    let settings = auth.settings();
    let older = credentials_to_end(&headers, None, &auth);
    let challenges = credentials(CookieKind::Challenge, &headers, body.challenge.as_ref(), &auth);
    let devices = credentials(CookieKind::Device, &headers, body.device.as_ref(), &auth);
    let verification = Verification {
        email: &body.email,
        code: body.code.expose(),
        challenge: challenges.first().copied(),
        device: auth.device_for(&body.email, &devices),
        older_refresh_tokens: &older,
    };
    let others = challenges.get(1..).unwrap_or_default();
    let outcome = auth.verify_or_explain(verification, others).await;
    if outcome.as_ref().map_or_else(SignInFailed::is_no_guess, |_| true) {
        auth.was_no_guess(admitted).await;
    }
    let signed_in = outcome.map_err(|failed| {
        let advice = advice(&failed, C::Delivery::COOKIES).filter(|_| settings.developer_mode);
        let problem = Problem::from(failed.into_error());
        match advice {
            Some(advice) => problem.with_detail(advice),
            None => problem,
        }
    })?;
    tokens_response::<C::Delivery, _>(signed_in, settings)
}

pub(super) async fn refresh<C: OtpConfig>(OnBehalf(auth): OnBehalf<C>, request: Request) -> Result<Response, Problem> {
    let (Parts { headers, .. }, body) = request.into_parts();
    let body = json::optional::<C::Delivery>(&headers, body, &auth).await?;
    let body = body.map_or_else(RefreshBody::default, Into::into);
    let cookies = credentials(CookieKind::Refresh, &headers, None, &auth);
    let tokens = auth
        .of_one_session(cookies, body.refresh_token.as_ref().map(Secret::expose))
        .ok_or(ProblemKind::AmbiguousCredentials)?;
    if tokens.is_empty() {
        return Err(Problem::without_credentials(ProblemKind::InvalidRefreshToken));
    }
    auth.admit_holder(UseCase::Refresh, &tokens, None).await?;
    let device = credentials(CookieKind::Device, &headers, None, &auth).first().copied();
    let signed_in = auth.refresh_any(&tokens, device).await?;
    tokens_response::<C::Delivery, _>(signed_in, auth.settings())
}

pub(super) async fn logout<C: OtpConfig>(OnBehalf(auth): OnBehalf<C>, request: Request) -> Result<Response, Problem> {
    let (Parts { headers, .. }, body) = request.into_parts();
    let body = json::any::<C::Delivery>(&headers, body, &auth).await;
    let body = body.map_or_else(RefreshBody::default, Into::into);
    let tokens = credentials_to_end(&headers, body.refresh_token.as_ref(), &auth);
    // Invalid tokens are ignored, so that everyone can sign out. Of several valid ones, each
    // session ends.
    let unreadable = |_: &Problem| event::invalid_input("authorization", auth.client_ip());
    let access_token = bearer::token(&headers).inspect_err(unreadable).ok().flatten();
    // Without a token there is nothing to do, so nothing counts.
    if !tokens.is_empty() || access_token.is_some() {
        auth.admit_holder(UseCase::SignOut, &tokens, access_token).await?;
    }
    let mut response = match auth.sign_out(&tokens, access_token).await {
        Ok(()) => axum::Json(Message::new("You are signed out.")).into_response(),
        Err(error) => Problem::from(error).into_response(),
    };
    // Even after a failure, this browser is done with the token (ASVS 5.0 7.4.1). The status says
    // that the session may still exist.
    if C::Delivery::COOKIES {
        cookie::clear_elsewhere(response.headers_mut(), auth.settings())?;
        cookie::add(response.headers_mut(), cookie::clear(CookieKind::Refresh, auth.settings())?);
        if auth.settings().forget_device_at_logout {
            cookie::add(response.headers_mut(), cookie::clear(CookieKind::Device, auth.settings())?);
        }
    }
    Ok(response)
}

/// A hint for developers, which real clients do not get.
fn advice(failed: &SignInFailed, cookies: bool) -> Option<&'static str> {
    Some(match failed {
        SignInFailed::Refused(Refusal::NoChallenge) if cookies => {
            "Developer mode: the code came without a challenge. /request-otp sets it as a cookie, which the browser must send back: in fetch, write `credentials: 'include'` for both requests; over plain HTTP, set `cookie_secure` to false."
        }
        SignInFailed::Refused(Refusal::NoChallenge) => {
            "Developer mode: the code came without a challenge. Send the `challenge` from the response to /request-otp in the body."
        }
        SignInFailed::Refused(Refusal::NotAChallenge) => {
            "Developer mode: the challenge is malformed. Send it exactly as /request-otp returned it."
        }
        SignInFailed::Refused(Refusal::UnknownChallenge) => {
            "Developer mode: this challenge does not exist. Was the database emptied? Request a new code."
        }
        SignInFailed::Refused(Refusal::OtherAddress) => {
            "Developer mode: the challenge belongs to another address. A client holds one challenge at a time, and has requested a code for that address since, perhaps in another tab."
        }
        SignInFailed::Excluded => {
            "Developer mode: the code is correct, but `filter` on the user struct excludes the row of this address, or the row that a sign-up creates. Its columns need defaults that the filter accepts."
        }
        SignInFailed::NotCompared(_) | SignInFailed::Failed(_) => return None,
    })
}

pub(super) async fn method_not_allowed() -> Problem {
    ProblemKind::MethodNotAllowed.into()
}
