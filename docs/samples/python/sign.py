# python3 sign.py FILE_ID VIEWER
import os
import sys
import time

import jwt

file_id, uid = sys.argv[1:3]
now = int(time.time())
claims = {
    "appId": int(os.environ["KEYVEIL_APP_ID"]),
    "fileId": file_id,
    "currentTimeStamp": now,
    "expireTimeStamp": now + 2 * 3600,
    "urlAccessInfo": {"exper": 60},
    "ghostWatermarkInfo": {"text": uid},
    "keyveil": {"uid": uid},
}
headers = {"kid": os.environ["KEYVEIL_KID"]}
print(jwt.encode(claims, os.environ["KEYVEIL_SIGNING_KEY"], algorithm="HS256", headers=headers))
