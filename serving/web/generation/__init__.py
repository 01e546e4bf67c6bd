"""Pictures from noise over HTTP: what is asked for as JSON, and the pictures as one sheet."""
