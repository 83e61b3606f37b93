// Gives every variable its place, by the rules of Jinja's own compiler.
//
// A name means what the whole scope around it makes of it, not what ran before: a scope that sets a name anywhere owns
// a variable of that name, which starts as a copy of the outer one (or as what the template was given).  Loops,
// macros, {% set %} blocks, {% call %}, {% filter %} and {% with %} are scopes; {% if %} is none.
#pragma once

#include "text/jinja/ast.h"

namespace tidemill::jinja {

// Fills in all Variable, slot and Scope fields.  Throws Failure(syntax) for what Jinja refuses when it compiles:
// unknown filters and tests (outside of {% if %}, where they fail only when they run) and assignments to `loop`.
void resolve_scopes(Template& parsed);

}  // namespace tidemill::jinja
