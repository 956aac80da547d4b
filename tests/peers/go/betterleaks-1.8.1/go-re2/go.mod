module github.com/betterleaks/go-re2

go 1.25.0

require github.com/wasilibs/go-re2 v1.13.0
