// The description of the endpoints for programs (https://spec.openapis.org/oas/v3.1.0), made from the table of routes.
#pragma once

#include <string>

namespace tidemill::serve {

// The document, as JSON; made once.
const std::string& openapi_document();

// Schemas of bodies that routes name, as JSON.
const char* openapi_schemas();

}  // namespace tidemill::serve
