//! `#[derive(OtpUser)]`: builds a model (`model`) from the attributes (`attrs`) and expands it to
//! impls (`expand`). If there are mistakes, reports them and generates stand-ins (`fallback`).

mod attrs;
mod check;
mod dialect;
mod expand;
mod fallback;
mod foreign;
mod model;
mod mongo;
mod rules;
mod sql;
mod stores;
#[cfg(test)]
mod tests;
mod threads;
mod types;
mod value;
mod words;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use self::attrs::Attributes;
use self::model::Model;
pub(crate) use self::stores::Features;
use crate::diag::Errors;

/// Expands the derive. It takes `proc_macro2` tokens, so that it also runs outside the compiler.
pub(crate) fn derive(input: TokenStream, features: Features) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let written = Attributes::read(&input, features, &mut errors);
    let model = Model::build(&written, &mut errors);
    let (claims, impls) = match model {
        Some(model) if errors.is_empty() => (expand::generated_claims(&model), expand::impls(&model)),
        _ => {
            let (claims, impls) = fallback::expand(&written);
            (Some(claims), impls)
        }
    };
    let errors = errors.expand();
    let impls = threads::expand(&written, impls);
    quote!(#errors #claims #impls)
}
