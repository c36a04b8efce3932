//! `#[otp_config(...)]`: from attributes (`attrs`) to a model (`model`) to an impl (`expand`), or,
//! when there are mistakes, to the mistakes and a stand-in (`fallback`).

mod attrs;
mod expand;
mod fallback;
mod item;
mod model;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::ToTokens;

use self::attrs::Written;
use self::item::Item;
use self::model::Model;
use crate::syntax::compile_errors;

/// The attribute, on token streams that also exist outside the compiler. The user's item is
/// always part of the result.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = darling::Error::accumulator();
    let Some(item) = Item::read(item.clone(), &mut errors) else {
        // The item does not parse, or is no struct. The compiler explains the former itself.
        let mut tokens = compile_errors(errors.into_inner());
        tokens.extend(item::without_helpers(item));
        return tokens;
    };
    let written = Written::read(arguments, &mut errors);
    let model = Model::build(&written, &item, &mut errors);
    let mut tokens = item.structure.to_token_stream();
    match (model, errors.into_inner()) {
        (Some(model), errors) if errors.is_empty() => tokens.extend(expand::expand(&model)),
        (_, errors) => {
            tokens.extend(compile_errors(errors));
            tokens.extend(fallback::expand(&written, &item));
        }
    }
    tokens
}
