// Connects to each PORT=HOST of the arguments with the roots of the first one, and says how that ended.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

func main() {
	pem, err := os.ReadFile(os.Args[1])
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		panic("no roots")
	}
	for _, test := range os.Args[2:] {
		port, host, _ := strings.Cut(test, "=")
		connection, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: host})
		var refused *tls.CertificateVerificationError
		if errors.As(err, &refused) {
			fmt.Println(port, "refused", refused.Err)
		} else if err != nil {
			panic(err)
		} else {
			fmt.Println(port, "accepted")
			connection.Close()
		}
	}
}
