//! `#[otp_config(...)]`: builds a model (`model`) from the attributes (`attrs`) and expands it to
//! an impl (`expand`). If there are mistakes, reports them and generates a stand-in (`fallback`).
//!
//! The attribute passes its arguments on to a hidden derive, which sees the fields after `#[cfg]`
//! is resolved.

mod attrs;
mod expand;
mod fallback;
mod item;
mod model;
#[cfg(test)]
mod tests;
mod words;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::DeriveInput;

use self::attrs::Arguments;
use self::item::Item;
use self::model::Model;
use crate::diag::Errors;

/// The helper attribute that holds the arguments.
const ARGUMENTS: &str = "__otp_config";

/// Expands the attribute. It takes `proc_macro2` tokens, so that it also runs outside the compiler.
/// The result always includes the user's item.
///
/// ```text
/// #[derive(otp_auth::__private::OtpConfigItem)]
/// #[__otp_config(user = User)]
/// struct Auth { #[otp(sender)] sender: ConsoleSender }
/// ```
pub(crate) fn attribute(arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut of_arguments = Errors::default();
    let written = Arguments::read(arguments.clone(), &mut of_arguments);
    let Ok(mut input) = syn::parse2::<DeriveInput>(item.clone()) else {
        // The compiler reports an item that does not parse.
        let stand_in = item::refuse(item, &mut errors).map(|place| fallback::expand(&written, &place));
        let errors = errors.expand();
        return quote!(#item #errors #stand_in);
    };
    let private = written.root().private();
    item::refuse_types(&mut input, &private);
    if written.root.is_broken() {
        // The path of the derive is unknown.
        item::remove_attributes(&mut input);
        let stand_in = fallback::expand(&written, &fallback::Place::of(&input));
        let errors = of_arguments.expand();
        return quote!(#input #errors #stand_in);
    }
    let name = syn::Ident::new(ARGUMENTS, proc_macro2::Span::call_site());
    quote! {
        #[derive(#private::OtpConfigItem)]
        #[#name(#arguments)]
        #input
    }
}

/// Expands the hidden derive.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let arguments = input.attrs.iter().find(|attribute| attribute.path().is_ident(ARGUMENTS));
    let arguments = match arguments.map(|attribute| &attribute.meta) {
        Some(syn::Meta::List(list)) => list.tokens.to_token_stream(),
        _ => TokenStream::new(),
    };
    let mut errors = Errors::default();
    let written = Arguments::read(arguments, &mut errors);
    let item = Item::read(&input, &mut errors);
    let model = Model::build(&written, &item, &mut errors);
    match model {
        Some(model) if errors.is_empty() => expand::expand(&model),
        _ => {
            let mut tokens = errors.expand();
            tokens.extend(fallback::expand(&written, &fallback::Place::of(&input)));
            tokens
        }
    }
}
