<?php
// php sign.php FILE_ID VIEWER
[, $fileId, $uid] = $argv;
$now = time();
$header = ['alg' => 'HS256', 'typ' => 'JWT', 'kid' => getenv('KEYVEIL_KID')];
$claims = [
    'appId' => (int) getenv('KEYVEIL_APP_ID'),
    'fileId' => $fileId,
    'currentTimeStamp' => $now,
    'expireTimeStamp' => $now + 2 * 3600,
    'urlAccessInfo' => ['exper' => 60],
    'ghostWatermarkInfo' => ['text' => $uid],
    'keyveil' => ['uid' => $uid],
];
$base64url = fn (string $bytes): string => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
$input = $base64url(json_encode($header, JSON_THROW_ON_ERROR)) . '.' . $base64url(json_encode($claims, JSON_THROW_ON_ERROR));
echo $input . '.' . $base64url(hash_hmac('sha256', $input, getenv('KEYVEIL_SIGNING_KEY'), true)) . "\n";
