// Serves telegram-test-api, found through NODE_PATH. usage: node telegram_api.js PORT
const TelegramServer = require('telegram-test-api');

new TelegramServer({ host: '127.0.0.1', port: Number(process.argv[2]), storeTimeout: 600 }).start();
