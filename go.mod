module github.com/noafhir/noafhir

go 1.26
