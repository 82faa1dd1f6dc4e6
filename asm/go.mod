module github.com/stepgrad/stepgrad/asm

go 1.26.0

require (
	github.com/mmcloughlin/avo v0.6.0
	github.com/stepgrad/stepgrad v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/arch v0.32.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/mod v0.33.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/tools v0.42.0 // indirect
)

replace github.com/stepgrad/stepgrad => ../
