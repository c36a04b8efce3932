//! Lifetimes and type parameters: which are accepted, and the generics of a stand-in.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Generics, Ident, Lifetime, Type, parse_quote};

use crate::diag::{Errors, mistake};
use crate::syntax::is_called;

/// Rejects lifetimes, because users and configurations outlive any borrow, and type parameters
/// without bounds, because threads share them. `roles` are the types of fields, each with the bound
/// that it needs.
pub(crate) fn check(what: &str, generics: &Generics, roles: &[(&Type, &str)], errors: &mut Errors) {
    if let Some(lifetime) = generics.lifetimes().next() {
        let name = &lifetime.lifetime;
        errors.push(mistake(
            name,
            format_args!(
                "{what} must own its data, so it cannot have `{name}`: write, for example, `String` instead of `&str`"
            ),
        ));
    }
    for parameter in generics.type_params().filter(|parameter| parameter.bounds.is_empty()) {
        let name = &parameter.ident;
        if !is_bounded(generics, name) {
            let role = roles.iter().find(|(ty, _)| is_called(ty, &name.to_string()));
            let bound = role.map_or("Send + Sync + 'static", |(_, bound)| bound);
            let why = "because threads share";
            errors.push(mistake(name, format_args!("`{name}` needs a bound, {why} {what}: write `{name}: {bound}`")));
        }
    }
}

/// Whether the `where` clause has bounds for a parameter.
fn is_bounded(generics: &Generics, name: &Ident) -> bool {
    let mut predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    predicates.any(|predicate| match predicate {
        syn::WherePredicate::Type(predicate) => is_called(&predicate.bounded_ty, &name.to_string()),
        _ => false,
    })
}

/// The generics of an impl that only needs to exist.
pub(crate) struct StandIn {
    pub(crate) generics: Generics,
    /// The arguments of the type. Lifetimes, which are reported as mistakes, become `'static`.
    pub(crate) arguments: Option<TokenStream>,
}

impl StandIn {
    pub(crate) fn of(written: &Generics) -> Self {
        let mut generics = written.clone();
        generics.params =
            generics.params.into_iter().filter(|parameter| !matches!(parameter, GenericParam::Lifetime(_))).collect();
        let arguments = written.params.iter().map(|parameter| match parameter {
            GenericParam::Lifetime(lifetime) => {
                let fixed = Lifetime::new("'static", lifetime.lifetime.span());
                quote!(#fixed)
            }
            GenericParam::Type(syn::TypeParam { ident, .. }) | GenericParam::Const(syn::ConstParam { ident, .. }) => {
                quote!(#ident)
            }
        });
        let arguments = (!written.params.is_empty()).then(|| quote!(<#(#arguments),*>));
        if generics.type_params().next().is_some() {
            let clause = generics.make_where_clause();
            clause.predicates.push(parse_quote!(Self: ::core::marker::Send + ::core::marker::Sync + 'static));
        }
        if generics.params.is_empty() {
            generics.lt_token = None;
            generics.gt_token = None;
        }
        Self { generics, arguments }
    }
}
