//! Finds the arguments that a message uses, in all of its parts.

use std::collections::BTreeMap;

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{
    CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement,
};

/// The messages of a resource, each with the arguments that it names.
pub(super) fn messages(resource: &FluentResource) -> BTreeMap<String, Vec<String>> {
    let messages = resource.entries().filter_map(|entry| match entry {
        Entry::Message(message) => {
            let mut named = Vec::new();
            if let Some(pattern) = &message.value {
                in_pattern(pattern, &mut named);
            }
            named.sort_unstable();
            named.dedup();
            Some((message.id.name.to_owned(), named))
        }
        _ => None,
    });
    messages.collect()
}

fn in_pattern(pattern: &Pattern<&str>, named: &mut Vec<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            in_expression(expression, named);
        }
    }
}

fn in_expression(expression: &Expression<&str>, named: &mut Vec<String>) {
    match expression {
        Expression::Inline(inline) => in_inline(inline, named),
        Expression::Select { selector, variants } => {
            in_inline(selector, named);
            for variant in variants {
                in_pattern(&variant.value, named);
            }
        }
    }
}

fn in_inline(inline: &InlineExpression<&str>, named: &mut Vec<String>) {
    match inline {
        InlineExpression::VariableReference { id } => named.push(id.name.to_owned()),
        InlineExpression::Placeable { expression } => in_expression(expression, named),
        InlineExpression::FunctionReference { arguments, .. } => in_call(arguments, named),
        InlineExpression::TermReference { arguments: Some(arguments), .. } => {
            in_call(arguments, named);
        }
        _ => {}
    }
}

fn in_call(arguments: &CallArguments<&str>, named: &mut Vec<String>) {
    let by_name = arguments.named.iter().map(|argument| &argument.value);
    for argument in arguments.positional.iter().chain(by_name) {
        in_inline(argument, named);
    }
}
