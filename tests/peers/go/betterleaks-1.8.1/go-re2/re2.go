// Package re2 stands in for betterleaks' fork of go-re2 with the project it was forked from.
package re2

import upstream "github.com/wasilibs/go-re2"

type Regexp = upstream.Regexp

func Compile(expr string) (*Regexp, error) { return upstream.Compile(expr) }
