"""A study: recipes by seeds on a domain, measured, compared, recommended."""
