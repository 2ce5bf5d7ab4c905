// go run . FILE_ID VIEWER
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func main() {
	appID, err := strconv.ParseInt(os.Getenv("KEYVEIL_APP_ID"), 10, 64)
	if err != nil || len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "KEYVEIL_APP_ID is a number; arguments: FILE_ID VIEWER")
		os.Exit(2)
	}
	fileID, uid, now := os.Args[1], os.Args[2], time.Now().Unix()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"appId":              appID,
		"fileId":             fileID,
		"currentTimeStamp":   now,
		"expireTimeStamp":    now + 2*3600,
		"urlAccessInfo":      map[string]int{"exper": 60},
		"ghostWatermarkInfo": map[string]string{"text": uid},
		"keyveil":            map[string]string{"uid": uid},
	})
	token.Header["kid"] = os.Getenv("KEYVEIL_KID")
	psign, err := token.SignedString([]byte(os.Getenv("KEYVEIL_SIGNING_KEY")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(psign)
}
